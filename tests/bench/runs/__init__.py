"""Runs from the queue to their end: submission, wall time, and the estimate of the end."""
