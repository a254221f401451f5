"""Comparison of a few runs: curves, results, and what differs between their configurations and data."""
