"""Slurm: its commands, its states, one cluster."""
