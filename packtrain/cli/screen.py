"""Output: lines, tables and bars on a terminal, plain lines elsewhere; the text of others always inert."""

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

import typer

from packtrain.cli.text.terminal_words import complaint_lines
from packtrain.errors import Finding, InvalidInput, PacktrainError
from packtrain.sanitize import inert_line, inert_text, json_text

if TYPE_CHECKING:
    from rich.console import Console

_LEAST_WIDTH = 10
_PLAIN_WIDTH = 10_000  # a pipe has no width: nothing is cut


def say(text: str) -> None:
    """Lines on stdout; on a terminal they are broken between words."""
    typer.echo(_broken(inert_text(text), sys.stdout))


def note(text: str) -> None:
    """Lines on stderr: what is not the answer itself."""
    typer.echo(_broken(inert_text(text), sys.stderr), err=True)


def say_text(text: str) -> None:
    """A text on stdout as it is: a script, a configuration."""
    typer.echo(inert_text(text))


def say_piece(text: str) -> None:
    """A piece of a log on stdout, which may end within a line."""
    typer.echo(inert_text(text), nl=False)


def say_json(value: Any) -> None:
    """The API's JSON."""
    typer.echo(json_text(value))


def now() -> datetime:
    """The time in the reader's zone."""
    return datetime.now().astimezone()


def complain(error: PacktrainError) -> None:
    """An error in a line or two on stderr."""
    for line in complaint_lines(error):
        note(line)


def agreed(question: str, *, yes: bool) -> bool:
    """Whether somebody at a terminal says so, or has said so already. Raises InvalidInput where nobody can be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise InvalidInput([Finding((), f"{question} Nobody is here to answer", "say so beforehand with --yes")])
    return typer.confirm(inert_text(question), err=True)


def is_terminal() -> bool:
    """Whether somebody reads stdout on a terminal."""
    return sys.stdout.isatty()


def columns_of_terminal() -> int:
    """Width of the terminal, in cells."""
    return shutil.get_terminal_size().columns


def console(*, stderr: bool = False) -> "Console":
    """A console that reads no markup in data: `[red]` in a job's name stays five characters."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PLAIN_WIDTH
    return Console(file=stream, markup=False, highlight=False, emoji=False, width=width, soft_wrap=not stream.isatty())


def listing(things: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of things, or a word that there are none."""
    if rows:
        table(columns, rows)
    else:
        note(f"no {things}")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table; on a narrow terminal its widest column is cut, elsewhere none is."""
    from rich.cells import cell_len
    from rich.table import Table

    out = console()
    grid = Table(box=None, pad_edge=False, header_style="bold")
    shown = [[inert_line(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *shown, strict=True)]
    too_much = sum(widths) + 2 * (len(widths) - 1) - out.width
    if too_much > 0:
        widest = widths.index(max(widths))
        widths[widest] = max(widths[widest] - too_much, _LEAST_WIDTH)
    for name, width in zip(columns, widths, strict=True):
        grid.add_column(name, no_wrap=True, overflow="ellipsis", width=width)
    for row in shown:
        grid.add_row(*row)
    with out.capture() as drawn:
        out.print(grid)
    for line in drawn.get().splitlines():
        typer.echo(line.rstrip())


@contextmanager
def byte_bar(total: int | None) -> Iterator[Callable[[str, int], None]]:
    """A bar on stderr while a transfer lasts: call it with what is at which position; silent where that is no terminal.

    Nothing of it stays: whoever asked says what was moved.
    """
    if not sys.stderr.isatty():
        yield lambda _name, _position: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    words = TextColumn("{task.description}", markup=False)
    columns = (words, BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        positions: dict[str, int] = {}

        def update(name: str, position: int) -> None:
            positions[name] = position
            bar.update(task, description=inert_line(name), completed=sum(positions.values()))

        yield update


def _broken(text: str, stream: IO[str]) -> str:
    """Long lines go on below their beginning, a little further in: the terminal itself breaks inside words."""
    if not stream.isatty():
        return text
    width = columns_of_terminal()
    return "\n".join(part for line in text.split("\n") for part in _parts(line, width))


def _parts(line: str, width: int) -> list[str]:
    indent = len(line) - len(line.lstrip(" "))
    if len(line) <= width or indent + _LEAST_WIDTH > width:
        return [line]
    wrapper = textwrap.TextWrapper(width, subsequent_indent=" " * (indent + 2), replace_whitespace=False)
    wrapper.break_long_words = wrapper.break_on_hyphens = False
    return wrapper.wrap(line) or [line]
