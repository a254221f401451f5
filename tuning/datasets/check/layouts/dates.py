"""Columns of text that hold nothing but dates: pyarrow, which reads a file of lines, makes times of them."""

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from tuning.datasets.check.layouts.formats import AlpacaLayout, Layout, TextLayout

# What it takes for a time when all texts of a column, in the first piece of the file, look like it.
_DATE = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([ T]\d\d(:\d\d(:\d\d)?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII
)


class DateColumns:
    """Tells the columns in which only dates were seen; costs next to nothing after the first other text in each."""

    def __init__(self, layout: Layout) -> None:
        self._candidates = _texts_by_column(layout)
        self._seen: set[str] = set()

    def columns(self) -> list[str]:
        """The names of those columns."""
        return sorted(self._candidates.keys() & self._seen)

    def may_be(self, names: Iterable[str]) -> bool:
        """Whether one of these columns may still be one of dates."""
        return not self._candidates.keys().isdisjoint(names)

    def look_at(self, row: dict[str, Any]) -> None:
        """Take in a row whose types are right."""
        if self._candidates.keys().isdisjoint(row):
            return
        other = [column for column, texts_of in self._candidates.items() if not self._are_dates(column, texts_of(row))]
        for column in other:
            del self._candidates[column]

    def _are_dates(self, column: str, texts: Iterable[str | None]) -> bool:
        """Whether there is nothing else; null is nothing."""
        for text in texts:
            if text is not None:
                self._seen.add(column)
                if not _DATE.fullmatch(text):
                    return False
        return True


def _texts_by_column(layout: Layout) -> dict[str, Callable[[dict[str, Any]], Iterable[str | None]]]:
    """By the column in which texts lie: what finds those of a row. All contents of a chat are one column of Arrow's."""
    if isinstance(layout, TextLayout):
        return {layout.text: partial(_text, layout.text)}
    names = [layout.system, *([layout.tools] if layout.tools else [])]
    answers = (layout.chosen, layout.rejected) if layout.purpose == "ranking" else ()
    if isinstance(layout, AlpacaLayout):
        names += [layout.prompt, layout.query, *(answers or (layout.response,))]
        return {**{name: partial(_text, name) for name in names}, layout.history: partial(_history, layout.history)}
    return {
        **{name: partial(_text, name) for name in names},
        **{name: partial(_answer, name, layout.content) for name in answers},
        layout.messages: partial(_contents, layout.messages, layout.content),
    }


def _text(column: str, row: dict[str, Any]) -> Iterable[str | None]:
    return (row.get(column),)


def _history(column: str, row: dict[str, Any]) -> Iterable[str | None]:
    return (text for pair in row.get(column) or () for text in pair)


def _answer(column: str, content: str, row: dict[str, Any]) -> Iterable[str | None]:
    return ((row.get(column) or {}).get(content),)


def _contents(column: str, content: str, row: dict[str, Any]) -> Iterable[str | None]:
    return (turn.get(content) for turn in row.get(column, ()))
