"""Jobs of kind `check`: a check of data on a cluster."""
