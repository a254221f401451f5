"""Actions on jobs: create, hold, release, cancel, remove."""
