"""Plain text as JSON lines: each line is a row, empty lines too, as LLaMA-Factory reads a `.txt` file."""

import json
from collections.abc import Generator
from typing import BinaryIO

from tuning.datasets.check.read.rows import BYTE_ORDER_MARK, MAX_ROW_BYTES
from tuning.errors import Finding, InvalidInput


def text_lines(stream: BinaryIO) -> Generator[bytes, None, None]:
    """One line `{"text": ...}` for each line of a seekable file, at bounded memory.

    Raises InvalidInput for what is not UTF-8, and for a line of more than MAX_ROW_BYTES.
    """
    encode = json.JSONEncoder(ensure_ascii=False).encode
    number = 0
    while raw := stream.readline(MAX_ROW_BYTES + 1):
        number += 1
        if len(raw) > MAX_ROW_BYTES:
            raise _refused(f"line {number}: a row of more than 16 MiB", "break the text into lines", number)
        if number == 1:
            raw = raw.removeprefix(BYTE_ORDER_MARK)
        yield encode({"text": _decoded(raw, number).removesuffix("\n").removesuffix("\r")}).encode() + b"\n"


def _decoded(raw: bytes, number: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        message = f"line {number}: not UTF-8 (byte 0x{raw[error.start]:02x})"
        raise _refused(message, "save the file as UTF-8", number) from error


def _refused(message: str, hint: str, line: int) -> InvalidInput:
    return InvalidInput([Finding(("file", line), message, hint)])
