"""A request for a job: its parts, and what is checked before a row is written."""
