"""One module for each group of the operator's commands."""
