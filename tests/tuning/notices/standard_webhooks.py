"""A receiver's check of a notice, written from the Standard Webhooks specification and by no code of packtrain's.

It does what the official libraries do, and `client.webhooks.unwrap` of the openai package.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

TOLERANCE_SECONDS = 5 * 60


class Unverified(Exception):
    """The notice is not from whoever has the secret, or it is old."""


def unwrap(body: bytes, headers: Mapping[str, str], secret: str, now_seconds: float) -> Any:
    """The JSON of a notice that was signed with this secret within five minutes. Raises Unverified."""
    sent = {name.lower(): value for name, value in headers.items()}
    message_id, stamp = sent["webhook-id"], sent["webhook-timestamp"]
    if abs(now_seconds - int(stamp)) > TOLERANCE_SECONDS:
        raise Unverified("its time is too far off")
    key = base64.b64decode(secret[len("whsec_") :])
    expected = hmac.new(key, f"{message_id}.{stamp}.{body.decode()}".encode(), hashlib.sha256).digest()
    for versioned in sent["webhook-signature"].split(" "):
        version, _, signature = versioned.partition(",")
        if version == "v1" and hmac.compare_digest(base64.b64decode(signature), expected):
            return json.loads(body)
    raise Unverified("no signature fits")
