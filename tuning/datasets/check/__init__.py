"""The check of a data set: what LLaMA-Factory would make of its rows, with places and reasons."""
