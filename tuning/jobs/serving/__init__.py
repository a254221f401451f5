"""Served models: jobs of kind `serve`, at most one live of a model and cluster (docs/decisions/0013)."""
