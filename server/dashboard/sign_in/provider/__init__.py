"""OIDC provider of a site: its description and keys, the way to it and back, and what it says of somebody."""
