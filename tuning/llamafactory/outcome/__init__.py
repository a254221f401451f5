"""How a run ended: results, artifacts, and the cause of a failure."""
