"""Answers of the server in words, rows and lines. Pure."""
