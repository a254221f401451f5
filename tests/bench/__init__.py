"""The numbers: `make bench`."""
