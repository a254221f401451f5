"""OIDC providers for the tests: a real one (npm's oidc-provider), and one that lies."""
