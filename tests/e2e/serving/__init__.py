"""Served models: their start and end, talks with them, and the program in the training image."""
