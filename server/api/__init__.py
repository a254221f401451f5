"""The native API: routes. Each module has a `router`, included by server.routes."""
