"""Other ways to queue many jobs on a Slurm, beside packtrain on the same one: `python -m tests.bench peers`."""
