"""Data sets: the check of files, rows and media beside LLaMA-Factory's own loader, and data on the cluster."""
