"""What Slurm and a run's files say of a job, written to its rows."""
