"""The queue: jobs that wait, run, and lately ended."""
