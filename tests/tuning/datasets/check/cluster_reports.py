"""Reports of checks on a cluster, as they are written for a good file."""

import base64
import json
from typing import Any

from tests.tuning.datasets.files import alpaca, as_lines, check

CONTENT = as_lines([alpaca(), alpaca(output=None)])
SHA = "ab" * 32


def told(**changes: Any) -> dict[str, Any]:
    """The report on a good file."""
    checked = check(CONTENT)
    head = base64.b64encode(CONTENT).decode()
    good = {"report": checked.report.as_json(), "entry": checked.entry, "sha256": SHA, "size_bytes": 9, "head": head}
    return {**good, **changes}


def as_text(result: dict[str, Any]) -> bytes:
    return json.dumps(result).encode()
