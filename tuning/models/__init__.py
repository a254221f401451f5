"""Models that jobs left: their names, pins and grants."""
