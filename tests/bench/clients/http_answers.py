"""HTTP/1.1 answers out of a byte stream, as cheaply as Python can: who measures must not be the bottleneck. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "
_ETAG = b"\r\netag: "


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What matters of one."""

    status: int
    etag: bytes | None
    body: bytes


class HttpAnswers:
    """The answers on one connection. They come from uvicorn: header names are in lower case, bodies have a length."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[HttpAnswer]:
        """The answers that are whole with these bytes."""
        self._rest += data
        while (end := self._rest.find(_END)) >= 0:
            head = self._rest[:end]
            stop = end + len(_END) + int(_field(head, _LENGTH) or 0)
            if len(self._rest) < stop:
                return
            body, self._rest = self._rest[end + len(_END) : stop], self._rest[stop:]
            yield HttpAnswer(int(head[9:12]), _field(head, _ETAG), body)


def _field(head: bytes, name: bytes) -> bytes | None:
    start = head.find(name)
    if start < 0:
        return None
    start += len(name)
    end = head.find(b"\r\n", start)
    return head[start:] if end < 0 else head[start:end]
