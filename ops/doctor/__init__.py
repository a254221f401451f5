"""What may be wrong with a cluster: each check is a question in the shell and a judgement of its answer."""
