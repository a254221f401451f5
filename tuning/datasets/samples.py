"""What LLaMA-Factory makes of one row: its two converters (data/converter.py), and its processors behind them.

The order of the checks is that of LLaMA-Factory: a row that it drops is dropped before anybody looks at its contents.
"""

from collections.abc import Callable
from typing import Any

from tuning.datasets.alpaca_samples import AlpacaJudge
from tuning.datasets.chat_samples import ChatJudge
from tuning.datasets.formats import AlpacaLayout, ChatLayout, Layout, TextLayout
from tuning.datasets.reasons import Reason
from tuning.datasets.verdict import Verdict


def judge_for(layout: Layout) -> Callable[[dict[str, Any]], Verdict]:
    """What gives the verdict on rows of this layout."""
    if isinstance(layout, AlpacaLayout):
        return AlpacaJudge(layout)
    return ChatJudge(layout) if isinstance(layout, ChatLayout) else _TextJudge(layout)


class _TextJudge:
    """Pre-training: LLaMA-Factory drops nothing, and reads null as an empty text."""

    def __init__(self, layout: TextLayout) -> None:
        self._column = layout.text

    def __call__(self, row: dict[str, Any]) -> Verdict:
        text = row.get(self._column)
        if text is not None and type(text) is not str:
            return Verdict(Reason.WRONG_TYPE, self._column)
        return Verdict(None if text else Reason.EMPTY_TEXT, "", (text or "",), 1)
