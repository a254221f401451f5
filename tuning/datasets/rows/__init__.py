"""Rows as they are shown: the first ones of a file, and a row as the conversation that it becomes."""
