"""Slurm itself: the oldest version, trials by sbatch, and the commands that it is asked."""
