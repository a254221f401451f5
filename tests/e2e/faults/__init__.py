"""Faults of Slurm, the site, the database and packtrain's programs: no job is lost, doubled or told of wrongly."""
