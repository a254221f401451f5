"""The native API, one file for each thing it speaks of. Each has a `router`, included by server.main."""
