"""What changes a job because somebody asked: create, hold, release, cancel, remove."""
