"""Programs for a login node: constant texts, whose values come as arguments or on stdin."""
