"""Result of the check of a row, or of some rows that are good."""

from collections.abc import Sequence
from typing import NamedTuple

from tuning.datasets.check.issues import Reason


class RowResult(NamedTuple):
    """Result of a row: its problem (None: none) and the place of it; texts, turns and roles, where it was read."""

    reason: Reason | None
    detail: str = ""
    texts: tuple[str, ...] = ()
    """All that the model reads of it, in a fixed order; empty where there is none."""
    turns: int = 0
    """Questions and answers, and what tools said."""
    roles: tuple[str | None, ...] = ()
    """Who speaks, in a chat."""


class GoodRows(NamedTuple):
    """The results on some rows about which there is nothing to say."""

    texts: Sequence[tuple[str, ...]]
    turns: Sequence[int]
    roles: Sequence[tuple[str | None, ...]] = ()
    """Empty where rows are no chats."""
