"""Signatures of notices by the Standard Webhooks specification: HMAC-SHA256 under a shared secret. Pure.

What is signed is `id.timestamp.body`; a receiver checks it with any library of that specification.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
SECRET_BYTES = 32
_LEAST_BYTES, _MOST_BYTES = 24, 64
"""Of a key, by the specification."""


def new_secret() -> str:
    """A fresh secret: `whsec_` and 256 random bits in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Whether a text has the form of a secret: `whsec_` and 24 to 64 bytes in base64."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(PREFIX) and _LEAST_BYTES <= len(key) <= _MOST_BYTES


def signed_headers(delivery_id: str, timestamp: int, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """The three headers of a notice; a signature for each secret that holds at this moment."""
    content = f"{delivery_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(content, key) for key in keys),
    }


def _signature(content: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return f"v1,{base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()}"
