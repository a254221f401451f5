"""Good and broken data files of every form, for the report and for LLaMA-Factory's own loader."""

import json
from collections.abc import Iterator, Set
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from tests.tuning.datasets.check import openai_cases as openai
from tests.tuning.datasets.check import purpose_cases as purposes
from tests.tuning.datasets.check import row_cases as plain
from tests.tuning.datasets.files import alpaca, as_array, as_lines
from tuning.datasets.check.issues import Outcome, Reason
from tuning.datasets.check.layouts.detection import detect_layout
from tuning.datasets.check.layouts.formats import dataset_info_entry, purpose_of
from tuning.datasets.check.read.tables import json_lines
from tuning.datasets.check.run import validate
from tuning.errors import InvalidInput

STAGES = {"sft": "sft", "ranking": "dpo", "kto": "kto", "pretrain": "pt"}
FORBIDDEN_NAME = "forbidden"
WRITERS = {"jsonl": as_lines, "json": as_array}


@dataclass(frozen=True)
class DataFile:
    """A file, and how LLaMA-Factory is told of it."""

    name: str
    content: bytes
    extension: str
    entry: dict[str, Any]
    unmarked: frozenset[int] = frozenset()
    """The numbers of rows without a mark."""

    @property
    def stage(self) -> str:
        """A stage for which it is meant."""
        return STAGES[purpose_of(self.entry)]

    def reasons(self) -> set[Reason]:
        """Reasons in the report, of any row; empty when the file is refused."""
        try:
            report = validate(BytesIO(self.content)).report
        except InvalidInput:
            return set()
        return {problem.reason for problem in report.problems}

    def marks_kept(self) -> list[int] | None:
        """The marks of the rows that are trained on by our report, 0 for none; None when the file is refused."""
        try:
            report = validate(BytesIO(self.content)).report
        except InvalidInput:
            return None
        dropped = {
            place.row for problem in report.problems if problem.outcome is Outcome.DROPPED for place in problem.places
        }
        kept = [number for number in range(1, report.rows + 1) if number not in dropped]
        return [0 if number in self.unmarked else number for number in kept]


def data_files() -> list[DataFile]:
    """All of them; rows have a mark `#number#`, but for a broken one in the middle."""
    return [*_files_of_rows(), *_openai_files(), *_broken_texts(), *_long_files()]


def _files_of_rows() -> Iterator[DataFile]:
    tables: dict[str, list[list[Any]]] = {
        "dropped": [[good, bad] for good, bad, _ in [*plain.DROPPED, *purposes.DROPPED]],
        "fails": [[good, bad] for good, bad, _ in [*plain.JOB_FAILS, *purposes.JOB_FAILS]],
        "kept": [[good, other] for good, other in plain.KEPT] + [[row, row] for row in purposes.KEPT],
        "doubted": [[_good_of(row), row] for row, _ in [*plain.DOUBTED, *purposes.DOUBTED]],
        FORBIDDEN_NAME: [[row, row] for row, _ in plain.FORBIDDEN],
    }
    for kind, table in tables.items():
        for number, (first, second) in enumerate(table):
            rows = [mark(first, 1), second, mark(first, 3)]
            for extension, write in WRITERS.items():
                yield _file(f"{kind}-{number}", write(rows), extension, [first, second], unmarked={2})
                if kind == "dropped":
                    yield _file(f"all-dropped-{number}", write([second, second]), extension, [first, second])


def _openai_files() -> Iterator[DataFile]:
    """As they are kept: the loader reads what the translation made."""
    for kind, table in {"preference": openai.PREFERENCES, "openai-chat": openai.CHATS}.items():
        for number, (good, other) in enumerate(table):
            sent = as_lines([_mark_openai(good, 1), other, _mark_openai(good, 3)])
            content = b"".join(json_lines(BytesIO(sent), "openai"))
            rows = [json.loads(line) for line in content.splitlines()]
            yield _file(f"{kind}-{number}", content, "jsonl", rows, unmarked={2})


def _mark_openai(row: dict[str, Any], number: int) -> dict[str, Any]:
    return {**row, "input": mark(row["input"], number)} if "input" in row else mark(row, number)


def _good_of(row: dict[str, Any]) -> dict[str, Any]:
    return {"text": "a"} if "text" in row else row


def _broken_texts() -> Iterator[DataFile]:
    good = as_lines([mark(alpaca(), 1)])
    for number, (line, _) in enumerate(plain.BROKEN_LINES):
        yield _file(f"line-{number}", good + b"\n" + line + b"\n" + good, "jsonl", [alpaca()])
    for number, (content, _) in enumerate(plain.BROKEN_FILES):
        yield _file(f"text-{number}", content, "json" if content.lstrip()[:1] == b"[" else "jsonl", [alpaca()])
    row = good.strip()
    yield _file(
        "windows", b"\xef\xbb\xbf" + row + b"\r\n\r\n  \r\n" + as_lines([mark(alpaca(), 2)]), "jsonl", [alpaca()]
    )
    for number, (dated, _) in enumerate(plain.DATED):
        for extension, write in WRITERS.items():
            yield _file(f"dates-{number}", write([dated, dated]), extension, [dated], unmarked={1, 2})


def _long_files() -> Iterator[DataFile]:
    """Of more than the 10 MiB that settle columns and types."""
    first = [mark(row, number) for number, row in enumerate(plain.FIRST_PIECE_BESIDE, 1)]
    for number, late in enumerate([*plain.LATE, alpaca(score=2)]):
        rows = [*first, mark(late, len(first) + 1)]
        yield _file(f"late-{number}", as_lines(rows), "jsonl", [first[0], late])


def mark(row: dict[str, Any], number: int) -> dict[str, Any]:
    """The row with its number in the first of its texts that is read."""
    copy: dict[str, Any] = json.loads(json.dumps(row))
    for key in ("instruction", "text", "question"):
        if isinstance(copy.get(key), str):
            copy[key] = f"#{number}# {copy[key]}"
    for key, content in (("conversations", "value"), ("messages", "content")):
        if copy.get(key):
            copy[key][0][content] = f"#{number}# {copy[key][0].get(content)}"
    return copy


def _file(name: str, content: bytes, extension: str, rows: list[Any], unmarked: Set[int] = frozenset()) -> DataFile:
    objects = [row for row in rows if isinstance(row, dict)]
    columns = {key for row in objects for key in row}
    return DataFile(
        f"{name}-{extension}",
        content,
        extension,
        dataset_info_entry(detect_layout(objects), columns),
        frozenset(unmarked),
    )
