"""Statistics of a data set: counts, lengths, duplicates, writing systems."""
