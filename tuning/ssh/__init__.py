"""The way to a login node."""
