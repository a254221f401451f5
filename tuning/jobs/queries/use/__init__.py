"""Queries of use: limits, reports, sizes of results, files on clusters."""
