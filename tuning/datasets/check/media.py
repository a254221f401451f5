"""Images, videos and audios that rows name: their columns, whether the files are there, whether the marks match.

As LLaMA-Factory 0.9.5 reads them (data/converter.py, data/mm_plugin.py): a column holds one path or a list of them; a
video may be a list of frames; `<image>`, `<video>` and `<audio>` stand once for each file in what is said.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tuning.datasets.check.issues import EXPLANATIONS, Outcome, Reason
from tuning.datasets.check.layouts.formats import AlpacaLayout, ChatLayout, Layout, MediaColumns

MARKS: Mapping[str, str] = {"images": "<image>", "videos": "<video>", "audios": "<audio>"}
"""LLaMA-Factory's name of the column, and what stands for one file in the text."""
_MAX_SHOWN = 200

_Found = tuple[Reason, str]


class MediaFiles(Protocol):
    """The files that rows may name."""

    def has(self, path: str) -> bool:
        """Whether this is one of them."""
        ...


@dataclass(frozen=True)
class SentAlong:
    """Files that came with the rows, by their paths."""

    paths: frozenset[str]

    def has(self, path: str) -> bool:
        """Whether this is one of them."""
        return path in self.paths


@dataclass(frozen=True)
class InFolder:
    """Files of a folder on this machine, from which relative paths begin."""

    folder: str

    def has(self, path: str) -> bool:
        """Whether this is one of them."""
        return os.path.isfile(f"{self.folder}/{path}" if not path.startswith("/") else path)  # noqa: PTH113  # no error


class MediaJudge:
    """Looks at what the rows of a layout name. Without `files`, nothing came along, and nobody can look for it."""

    def __init__(self, layout: Layout, files: MediaFiles | None) -> None:
        self._layout, self._files = layout, files
        self.columns: MediaColumns = () if not isinstance(layout, AlpacaLayout | ChatLayout) else layout.media
        self._named: set[str] = set()
        self._unread = [name for name in MARKS if name not in {column for _, column in self.columns}]

    def layout_as_seen(self) -> Layout:
        """The layout without columns in which no row names anything: they say nothing of the template."""
        if not isinstance(self._layout, AlpacaLayout | ChatLayout):
            return self._layout
        return replace(self._layout, media=tuple(each for each in self.columns if each[1] in self._named))

    def look(self, row: dict[str, Any]) -> _Found | None:
        """The worst of what is wrong with a row's media."""
        if not self.columns and row.keys().isdisjoint(MARKS):
            return None
        found = [problem for kind, column in self.columns if (problem := self._problem(row, kind, column))]
        failing = (each for each in found if EXPLANATIONS[each[0]].outcome is Outcome.JOB_FAILS)
        unread = next((column for column in self._unread if row.get(column)), None)
        told = [*found, (Reason.UNUSED_MEDIA, unread)] if unread is not None else found
        return next(failing, told[0] if told else None)

    def _problem(self, row: dict[str, Any], kind: str, column: str) -> _Found | None:
        paths = media_paths(row.get(column))
        if paths is None:
            return Reason.BAD_MEDIA, column
        if paths:
            self._named.add(column)
        mark, files = MARKS[kind], _count_files(row.get(column))
        for text in _said(self._layout, row):
            if (marks := text.count(mark)) != files:
                return Reason.MEDIA_COUNT, f"{marks} {mark}, {files} in {column}"
        if self._files is None:
            return (Reason.MEDIA_ELSEWHERE, column) if paths else None
        missing = next((path for path in paths if not self._files.has(path)), None)
        return (Reason.MISSING_MEDIA, missing[:_MAX_SHOWN]) if missing is not None else None


def media_paths(value: Any) -> list[str] | None:
    """All paths in a column's value; None where it is something else than paths."""
    if value is None or value == "":
        return []
    parts = value if isinstance(value, list) else [value]
    if parts and all(isinstance(part, list) for part in parts):
        parts = [path for part in parts for path in part]
    return parts if all(isinstance(part, str) and part for part in parts) else None


def _count_files(value: Any) -> int:
    return 0 if value is None or value == "" else len(value) if isinstance(value, list) else 1


def _said(layout: Layout, row: dict[str, Any]) -> Iterator[str]:
    """Texts of the samples that a row becomes: for ranking, with one answer and with the other."""
    if isinstance(layout, AlpacaLayout):
        history = [json.dumps(row.get(layout.history), ensure_ascii=False)]
        asked, answers = [row.get(layout.prompt), row.get(layout.query), *history], (layout.chosen, layout.rejected)
        answer = [row.get(layout.response)]
    elif isinstance(layout, ChatLayout):
        turns = [turn for turn in row.get(layout.messages) or [] if isinstance(turn, dict)]
        first = 1 if turns and turns[0].get(layout.role) == layout.system else 0
        asked, answers = [turn.get(layout.content) for turn in turns[first:]], (layout.chosen, layout.rejected)
        answer = []
    else:
        return
    if layout.purpose != "ranking":
        yield _joined([*asked, *answer])
        return
    for name in answers:
        said = row.get(name)
        yield _joined([*asked, said.get(layout.content) if isinstance(layout, ChatLayout) and said else said])


def _joined(texts: list[Any]) -> str:
    return "\n".join(text for text in texts if isinstance(text, str))
