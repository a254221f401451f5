"""A training configuration: its check, its YAML text, schedule, memory, data sets."""
