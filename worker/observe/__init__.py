"""Observation of Slurm and of runs' files, written to the rows of jobs."""
