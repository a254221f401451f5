"""From a queued job to a Slurm number, exactly once."""
