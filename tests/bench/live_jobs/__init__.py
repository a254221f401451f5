"""Hundreds of live jobs at once: cycles of the worker, followers, open pages, memory, the way of a log line."""
