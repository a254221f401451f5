"""Text of others made harmless for a terminal: no escape sequences, no control characters, no turned direction."""

import json
import re
from typing import Any

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS, ...: titles, clipboard, links
    r"|\x1b[ -/]*[0-~]"
)
# Controls but newline and tab, what turns the reading direction or breaks the line, and half surrogates.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def inert_text(text: str) -> str:
    """Text that may have several lines: newline and tab stay, a carriage return (progress bars) becomes a newline."""
    lines = _SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _UNSAFE.sub("", lines)


def inert_line(text: str) -> str:
    """Text on one line: what broke lines becomes a space."""
    return " ".join(inert_text(text).replace("\t", " ").split("\n"))


def json_text(value: Any) -> str:
    """JSON for people and programs: unsafe characters stand escaped, other scripts than Latin stay readable."""
    return _escaped(json.dumps(value, ensure_ascii=False, indent=2))


def json_line(value: Any) -> str:
    """The same on one line."""
    return _escaped(json.dumps(value, ensure_ascii=False))


def _escaped(text: str) -> str:
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
