"""Outcome of a run: results, artifacts, and the cause of a failure."""
