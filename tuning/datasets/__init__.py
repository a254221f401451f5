"""Data sets: formats, validation, and the content-addressed store."""
