"""Samples as text with a chat template, as training sees them."""
