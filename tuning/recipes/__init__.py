"""Named starting points: one YAML file each, readable and to be added to."""
