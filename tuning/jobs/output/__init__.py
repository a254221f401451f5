"""Output of a run: log lines, metrics, artifacts."""
