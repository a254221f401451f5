"""A job: where it stands and why, its curves, logs, files, configuration and relatives."""
