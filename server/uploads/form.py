"""A multipart form whose file goes to its place while it arrives.

Starlette's own form parser writes a file to a temporary one first, which is then copied: twice the disk and twice the
time; and FastAPI reads such a form before it asks who sent it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from tuning.errors import Finding, InvalidInput

_MAX_FIELD_BYTES = 4000


class Sink(Protocol):
    """Destination of the uploaded file."""

    def write(self, chunk: bytes) -> None:
        """Add to its end."""
        ...


@dataclass(frozen=True)
class FormFields:
    """Names of a form's parts: of the one that is a file, and of the few texts beside it."""

    file: str
    texts: frozenset[str]
    hint: str
    """How to send such a form."""


def described_form(
    file: str,
    description: str,
    texts: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    or_json: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Description of a form for OpenAPI (a route's `openapi_extra`), since FastAPI does not read it.

    `texts`: schemas of the text fields; `or_json`: schema of the JSON body that may come in place of the form.
    """
    fields = {file: {"type": "string", "format": "binary", "description": description}, **(texts or {})}
    form = {"schema": {"type": "object", "required": [file], "properties": fields}}
    other = {"application/json": {"schema": or_json}} if or_json is not None else {}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": form, **other}}}


@dataclass
class _Part:
    name: str = ""
    filename: str | None = None
    value: bytearray = field(default_factory=bytearray)


class UploadForm:
    """Fed with a body in chunks; the file goes to the sink, the few text fields are held."""

    def __init__(self, boundary: bytes | None, sink: Sink, known: FormFields) -> None:
        """`boundary` as the Content-Type of a form has it. Raises InvalidInput without one."""
        self._sink, self._known = sink, known
        if not boundary:
            raise self._refused("the body is no multipart form")
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self._part, self._header, self._header_value = _Part(), b"", b""
        self._is_whole = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._extend_header,
                "on_header_value": self._extend_header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the body. Raises InvalidInput, and what the sink raises."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise self._refused(f"the multipart form is broken: {error}") from error

    def finish(self) -> None:
        """The body has ended. Raises InvalidInput when the form has not, or held no file."""
        if not self._is_whole:
            raise self._refused("the upload broke off before the end of the form")
        if self.filename is None:
            name = self._known.file
            raise InvalidInput([Finding((name,), f"{name} is missing", self._known.hint)])

    def _begin_part(self) -> None:
        self._part = _Part()

    def _extend_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _extend_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._header_value)
            self._part.name = options.get(b"name", b"").decode(errors="replace")
            if b"filename" in options:
                self._part.filename = options[b"filename"].decode(errors="replace")
        self._header, self._header_value = b"", b""

    def _end_headers(self) -> None:
        name = self._part.name
        if name not in self._known.texts | {self._known.file}:
            raise self._refused(f"there is no field {name[:80]!a}")
        if name in self.fields or (name == self._known.file and self.filename is not None):
            raise self._refused(f"the field {name} comes twice")
        if name == self._known.file:
            self.filename = self._part.filename or ""

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if self._part.name == self._known.file:
            self._sink.write(data[start:end])
            return
        self._part.value += data[start:end]
        if len(self._part.value) > _MAX_FIELD_BYTES:
            raise InvalidInput([Finding((self._part.name,), f"{self._part.name} is too long")])

    def _end_part(self) -> None:
        name = self._part.name
        if name == self._known.file:
            return
        try:
            self.fields[name] = self._part.value.decode()
        except UnicodeDecodeError as error:
            raise InvalidInput([Finding((name,), f"{name} is not UTF-8")]) from error

    def _end(self) -> None:
        self._is_whole = True

    def _refused(self, message: str) -> InvalidInput:
        return InvalidInput([Finding(("body",), message, self._known.hint)])
