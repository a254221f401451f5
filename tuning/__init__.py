"""Domain of tuning jobs: shared by server, worker and the operator's commands."""
