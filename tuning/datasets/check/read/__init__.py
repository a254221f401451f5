"""Readers of rows: JSON, JSON lines, CSV, parquet, text."""
