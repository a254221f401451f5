"""The packtrain command line and the small Python client behind it."""
