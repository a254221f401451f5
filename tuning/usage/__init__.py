"""Use of GPUs by people and teams, and the limits of it."""
