"""The header `Idempotency-Key`: by it a request that is sent again makes nothing new."""

from typing import Annotated

from fastapi import Header

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key with the same request gives the same job (200), with another request a 422.",
    ),
]
