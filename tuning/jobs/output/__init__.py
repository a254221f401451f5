"""What a run leaves: log lines, metrics, artifacts."""
