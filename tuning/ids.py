"""Identifiers: a prefix that says what it is, and 100 random bits that say which."""

import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: they are misread


def new_id(prefix: str) -> str:
    """A fresh identifier such as `job_7h3k...`: safe in paths, URLs and Slurm job names."""
    bits = secrets.randbits(100)
    return f"{prefix}_{''.join([_ALPHABET[bits >> shift & 31] for shift in range(0, 100, 5)])}"


def new_secret() -> str:
    """256 random bits as URL-safe text."""
    return secrets.token_urlsafe(32)
