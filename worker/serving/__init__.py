"""Served models on their cluster: which of them is ready, and which ends because nobody uses it."""
