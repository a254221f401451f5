"""Pydantic models of answers that several routes share."""
