"""Tables that fit where they are drawn: columns that may be cut, or left out, where the terminal is narrow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import typer

from packtrain.cli.screen import console
from packtrain.cli.text.name_cut import cut_names
from packtrain.sanitize import inert_line

_GAP = 2


@dataclass(frozen=True)
class Column:
    """A column's name, and its behaviour where there is too little room."""

    name: str
    least_width: int | None = None
    """May be cut to so many cells; None = never."""
    is_name: bool = False
    """Is cut in the middle: names of a sweep begin alike."""
    left_out: int = 0
    """The column of the greatest number is left out first; 0 = never."""
    style: Callable[[str], str] | None = None
    """Style of a cell by its text, on a terminal."""


def draw(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout; in a pipe nothing is cut or left out."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    out = console()
    shown = [[inert_line(cell) for cell in row] for row in rows]
    names = [column.name for column in columns]
    widths = [max(map(cell_len, cells)) for cells in zip(names, *shown, strict=True)]
    fitting = fitting_widths(columns, widths, out.width)
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for index, width in fitting.items():
        grid.add_column(Text(names[index]), no_wrap=True, overflow="ellipsis", width=width)
    cut = {
        index: cut_names([row[index] for row in shown], width)
        for index, width in fitting.items()
        if columns[index].is_name
    }
    for place, row in enumerate(shown):
        cells = (
            Text(cut[index][place] if index in cut else row[index], _style(columns[index], row[index]))
            for index in fitting
        )
        grid.add_row(*cells)
    with out.capture() as drawn:
        out.print(grid)
    for line in drawn.get().splitlines():
        typer.echo(line.rstrip())


def fitting_widths(columns: Sequence[Column], widths: Sequence[int], room: int) -> dict[int, int]:
    """The columns to show, by their place, and their widths: first some are cut, then some are left out."""
    left = list(range(len(columns)))
    while True:
        fitting = _cut(columns, {index: widths[index] for index in left}, room)
        droppable = [index for index in left if columns[index].left_out]
        if _total(fitting) <= room or not droppable:
            return fitting
        left.remove(max(droppable, key=lambda index: columns[index].left_out))


def _style(column: Column, cell: str) -> str:
    return column.style(cell) if column.style else ""


def _cut(columns: Sequence[Column], widths: dict[int, int], room: int) -> dict[int, int]:
    """The widest of those that may be cut gives way until all fit, or none can give any more."""
    cut = dict(widths)
    while _total(cut) > room:
        giving = [index for index in cut if cut[index] > (columns[index].least_width or cut[index])]
        if not giving:
            break
        cut[max(giving, key=lambda index: cut[index])] -= 1
    return cut


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + _GAP * max(len(widths) - 1, 0)
