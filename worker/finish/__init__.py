"""The end of an attempt: succeeded, failed, or carried over to a next attempt."""
