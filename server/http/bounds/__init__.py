"""Bounds of requests: rates, shares of a person, sizes, connections."""
