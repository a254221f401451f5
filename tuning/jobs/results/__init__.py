"""Results by name: found, kept, shared, removed."""
