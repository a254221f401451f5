"""LLaMA-Factory's two converters (data/converter.py) for one row, and its processors behind them.

The order of the checks is that of LLaMA-Factory: a row that it drops is dropped before anybody looks at its contents.
"""

from typing import Any, Protocol

from tuning.datasets.check.issues import Reason
from tuning.datasets.check.layouts.alpaca import AlpacaJudge
from tuning.datasets.check.layouts.formats import AlpacaLayout, ChatLayout, Layout, TextLayout
from tuning.datasets.check.layouts.sharegpt import ChatJudge
from tuning.datasets.check.read.alike_rows import AlikeRows
from tuning.datasets.check.row_result import GoodRows, RowResult


class Judge(Protocol):
    """Says what becomes of rows of one layout."""

    def __call__(self, row: dict[str, Any]) -> RowResult:
        """The result of a row, whatever it holds."""

    def all_good(self, rows: AlikeRows) -> GoodRows | None:
        """The results of some rows, if nothing is to be said of any; None: it may be."""


def judge_for(layout: Layout) -> Judge:
    """The judge of rows of this layout."""
    if isinstance(layout, AlpacaLayout):
        return AlpacaJudge(layout)
    return ChatJudge(layout) if isinstance(layout, ChatLayout) else _TextJudge(layout)


class _TextJudge:
    """Pre-training: LLaMA-Factory drops nothing, and reads null as an empty text."""

    def __init__(self, layout: TextLayout) -> None:
        self._column = layout.text

    def __call__(self, row: dict[str, Any]) -> RowResult:
        text = row.get(self._column)
        if text is not None and type(text) is not str:
            return RowResult(Reason.WRONG_TYPE, self._column)
        return RowResult(None if text else Reason.EMPTY_TEXT, "", (text or "",), 1)

    def all_good(self, rows: AlikeRows) -> GoodRows | None:
        """The results of some rows, if nothing is to be said of any; None: it may be."""
        if rows.type_of(self._column) is not str:
            return None
        texts = rows.column(self._column)
        return GoodRows(list(zip(texts, strict=True)), [1] * len(rows)) if all(texts) else None
