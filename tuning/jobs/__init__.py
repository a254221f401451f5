"""Tuning jobs: status, specification, rows and rules."""
