"""Tables and other forms that become JSON lines before anybody looks at their rows: CSV, Parquet, plain text, OpenAI's
tool calls and reasoning, chats that nobody answers.

What is kept is then byte for byte what was checked and what is trained on, and there is one loader to agree with.
"""

import re
from collections.abc import Generator
from typing import BinaryIO, Literal

from tuning.datasets.check.read.csv_lines import DELIMITERS, csv_lines
from tuning.datasets.check.read.openai_lines import has_more_than_content, openai_lines
from tuning.datasets.check.read.parquet_lines import parquet_lines
from tuning.datasets.check.read.question_lines import has_questions_alone, question_lines
from tuning.datasets.check.read.rows import BYTE_ORDER_MARK
from tuning.datasets.check.read.text_lines import text_lines

Table = Literal["csv", "parquet", "text", "openai", "questions"]

_JSON_BEGINS = re.compile(rb"\{|\[\s*(\{|$)")
_LONE_COLUMNS = (b"text", b'"text"')


_READERS = {
    "parquet": parquet_lines,
    "csv": csv_lines,
    "text": text_lines,
    "openai": openai_lines,
    "questions": question_lines,
}


def find_table(stream: BinaryIO, name: str = "") -> Table | None:
    """Kind of table that a seekable file is, by its first bytes; None: JSON, or no table. It is left at its start.

    CSV is what does not begin like JSON, and has several columns in its first line, or the one column `text`. Plain
    text is told by its name alone (`.txt`): any text may begin like a header.
    """
    head = stream.read(64 * 1024)
    stream.seek(0)
    if head.startswith(b"PAR1"):
        return "parquet"
    first_line = head.removeprefix(BYTE_ORDER_MARK).lstrip().split(b"\n", 1)[0].strip()
    if name.lower().endswith(".txt") and not _JSON_BEGINS.match(first_line) and _is_text(first_line):
        return "text"
    has_columns = any(delimiter.encode() in first_line for delimiter in DELIMITERS) or first_line in _LONE_COLUMNS
    if first_line[:1] in (b"{", b"["):
        return _chats(stream)
    return "csv" if has_columns and _is_text(first_line) else None


def _chats(stream: BinaryIO) -> Table | None:
    if has_more_than_content(stream):
        return "openai"
    return "questions" if has_questions_alone(stream) else None


def json_lines(stream: BinaryIO, table: Table) -> Generator[bytes, None, None]:
    """The rows of a file as JSON lines, in pieces of any size, at bounded memory. Raises InvalidInput."""
    return _READERS[table](stream)


def _is_text(first_line: bytes) -> bool:
    """Other files begin with bytes that a header does not have; UTF-16 is named by who checks JSON."""
    return (
        not first_line.startswith((b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b", b"PK\x03\x04")) and b"\x00" not in first_line
    )
