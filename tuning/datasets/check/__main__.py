"""The check as a program: `python -m tuning.datasets.check FILE [--cutoff-len N] [--tokenizer PATH] [--purpose ...]`.

It prints one JSON object: {"report", "entry", "truncation"} with status 0, or {"findings"} with status 1 for a file
that is refused. It needs the standard library alone (and pyarrow for Parquet, tokenizers for a tokenizer, both of which
the training image has), so it can be sent to a cluster and check there what is too large to be uploaded.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO, get_args

from tuning.datasets.check.layouts.formats import Formatting, Purpose, Wanted
from tuning.datasets.check.read.tables import find_table, json_lines
from tuning.datasets.check.report import truncation
from tuning.datasets.check.run import CheckedFile, validate
from tuning.datasets.check.stats.token_lengths import token_counter
from tuning.errors import InvalidInput


def main(arguments: Sequence[str]) -> int:
    """Check a file and print what was found."""
    options = _parse(arguments)
    wanted = Wanted(options.format, options.purpose)
    try:
        count_tokens = token_counter(options.tokenizer) if options.tokenizer else None
        with options.file.open("rb", buffering=1024 * 1024) as stream:
            checked = _check(stream, options.file.name, lambda rows: validate(rows, wanted, count_tokens))
    except InvalidInput as error:
        _say({"findings": [asdict(finding) for finding in error.findings]})
        return 1
    cut = truncation(checked.report, options.cutoff_len) if options.cutoff_len else None
    _say({"report": checked.report.as_json(), "entry": checked.entry, "truncation": asdict(cut) if cut else None})
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tuning.datasets.check", description="Check a data file.")
    parser.add_argument("file", type=Path, help="JSON, JSON lines, CSV, Parquet, or plain text (.txt)")
    parser.add_argument("--cutoff-len", type=int, help="count the rows that are longer")
    parser.add_argument("--tokenizer", type=Path, help="a model's folder, or its tokenizer.json: lengths in tokens too")
    parser.add_argument("--format", choices=get_args(Formatting), help="refuse the file unless it has this form")
    parser.add_argument("--purpose", choices=get_args(Purpose), help="where the columns serve more than one")
    return parser.parse_args(arguments)


def _check(stream: BinaryIO, name: str, check: Callable[[BinaryIO], CheckedFile]) -> CheckedFile:
    """A table is looked at as the JSON lines that would be kept of it."""
    table = find_table(stream, name)
    if table is None:
        return check(stream)
    with tempfile.TemporaryFile() as lines:
        with closing(json_lines(stream, table)) as pieces:
            lines.writelines(pieces)
        lines.seek(0)
        checked = check(lines)
    return replace(checked, report=replace(checked.report, made_from=table))


def _say(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
