"""Generators of clients, in an environment of their own, and what they make of the OpenAPI document."""
