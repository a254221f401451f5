"""The measures of several orders side by side, as text of at most 80 columns."""

from collections.abc import Mapping

from tuning.queue.simulation.measures import Measures

_HEADINGS = ("order", "mean wait", "longest", "slowdown", "worst", "Jain", "share err", "used")


def as_table(measures: Mapping[str, Measures]) -> str:
    """A line for each order, by its name; the first column to the left, numbers to the right."""
    lines = [_HEADINGS, *(_cells(name, measured) for name, measured in measures.items())]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    return "\n".join(_aligned(line, widths) for line in lines)


def _cells(name: str, measured: Measures) -> tuple[str, ...]:
    return (
        name,
        _span(measured.mean_wait_seconds),
        _span(measured.longest_wait_seconds),
        f"{measured.mean_slowdown:.1f}",
        f"{measured.worst_person_slowdown:.0f}",
        f"{measured.jain_index:.3f}",
        f"{measured.share_error:.1%}",
        f"{measured.utilisation:.1%}",
    )


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h"


def _aligned(cells: tuple[str, ...], widths: list[int]) -> str:
    first, *numbers = (
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join((first, *numbers)).rstrip()
