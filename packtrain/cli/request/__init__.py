"""Requests in the words of a command line: options, files and changes as bodies of the API."""
