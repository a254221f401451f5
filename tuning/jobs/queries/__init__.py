"""Queries for jobs, a module for each reader."""
