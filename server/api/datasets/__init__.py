"""Routes of data sets."""
