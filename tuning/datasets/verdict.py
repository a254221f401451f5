"""The verdict on one row."""

from typing import NamedTuple

from tuning.datasets.reasons import Reason


class Verdict(NamedTuple):
    """Why a row is worth a word (None: it is not), and where in it; and what it consists of, where it was read."""

    reason: Reason | None
    detail: str = ""
    texts: tuple[str, ...] = ()
    """All that the model reads of it, in a fixed order; empty where there is none."""
    turns: int = 0
    """Questions and answers, and what tools said."""
    roles: tuple[str | None, ...] = ()
    """Who speaks, in a chat."""
