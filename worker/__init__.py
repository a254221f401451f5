"""Rows in, cluster out."""
