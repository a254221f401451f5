"""What was measured, as numbers and as a table."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

HEADINGS = ("what", "beside", "measured", "ratio", "spread", "bound", "holds")


@dataclass(frozen=True)
class Row:
    """One number beside what it is compared with."""

    what: str
    beside: str
    measured: str
    ratio: str
    spread: str
    bound: str
    holds: bool | None
    """None: no bound was set; the row explains another one."""
    note: str = ""
    """What a reader has to know beside the numbers."""

    def cells(self) -> tuple[str, ...]:
        """The row's texts, in the order of HEADINGS."""
        holds = "-" if self.holds is None else "yes" if self.holds else "NO"
        return (self.what, self.beside, self.measured, self.ratio, self.spread, self.bound, holds)


@dataclass(frozen=True)
class Pairs:
    """Seconds of two ways to do the same, measured in turn: a busy moment of the machine meets both."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return statistics.median(self.ours) / statistics.median(self.theirs)

    @property
    def spread(self) -> str:
        """The middle half of the pairs' own ratios."""
        ratios = [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]
        return f"{quantile(ratios, 0.25):.2f} to {quantile(ratios, 0.75):.2f}, n={len(ratios)}"

    def row(self, what: str, beside: str, at_most: float | None, note: str = "") -> Row:
        """Both medians and their ratio, held to the bound where there is one."""
        measured = f"{shown(statistics.median(self.ours))} / {shown(statistics.median(self.theirs))}"
        bound = "-" if at_most is None else f"<= {at_most:g}"
        holds = None if at_most is None else self.ratio <= at_most
        return Row(what, beside, measured, f"{self.ratio:.2f}", self.spread, bound, holds, note)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def shown(seconds: float) -> str:
    """A time as people read it."""
    return f"{seconds * 1000:.2f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


def as_markdown(rows: Sequence[Row]) -> str:
    """The table for a page, lined up so that it reads as plain text too."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    heading, *texts = [f"| {' | '.join(line)} |" for line in padded]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([heading, rule, *texts]) + "\n"
