"""Attack program: Python's standard library only, for the training image and for a login shell alike."""
