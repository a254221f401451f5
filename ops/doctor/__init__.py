"""Checks of a cluster: each is a question in the shell and a judgement of its answer."""
