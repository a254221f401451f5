"""One request of the API as a value, with the type of its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

Answer = TypeVar("Answer")
Query = Mapping[str, str | int | list[str]]
CONNECT_SECONDS = 10.0
WRITE_SECONDS = 120.0
READ_SECONDS = 60.0
STREAM_READ_SECONDS = 120.0
"""Streams say that they are still there every 15 s."""
UPLOAD_READ_SECONDS = 3600.0
"""An upload is read through to its last line before the answer comes."""


@dataclass(frozen=True)
class Upload:
    """A multipart body: form fields and one open file."""

    fields: Mapping[str, str]
    files: Mapping[str, Any]


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """A request below /api/v1, or another API's root; `path` is quoted."""

    method: str
    path: str
    query: Query = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    upload: Upload | None = None
    read_seconds: float = READ_SECONDS
    root: str = "api/v1"

    @property
    def url(self) -> str:
        """The path from the server's root on."""
        return f"{self.root}/{self.path}"

    @property
    def may_repeat(self) -> bool:
        """Whether it says the same however often it is sent."""
        return self.method in ("GET", "PUT") or self.idempotency_key is not None

    def options(self) -> dict[str, Any]:
        """The arguments of httpx's `build_request` behind method and path."""
        key = {"Idempotency-Key": self.idempotency_key} if self.idempotency_key else {}
        options: dict[str, Any] = {
            "params": dict(self.query),
            "headers": {**self.headers, **key},
            "timeout": httpx.Timeout(self.read_seconds, connect=CONNECT_SECONDS, write=WRITE_SECONDS),
        }
        if self.body is not None:
            options["json"] = self.body
        if self.upload is not None:
            options |= {"data": self.upload.fields, "files": self.upload.files}
        return options


def path_of(*parts: str) -> str:
    """A path of these parts, each of which stays one part whatever it holds."""
    return "/".join(quote(part, safe="") for part in parts)
