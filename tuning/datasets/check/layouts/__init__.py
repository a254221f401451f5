"""Layouts of rows (alpaca, sharegpt): detection, columns, conversion to samples."""
