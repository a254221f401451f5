"""datasets preview: rows as the model will see them."""

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packtrain.cli.commands.arguments import AsJson, connect
from packtrain.cli.commands.datasets.listing import DatasetId
from packtrain.cli.lookup.dataset_ids import find_dataset
from packtrain.cli.screen import console, note, say, say_json

if TYPE_CHECKING:
    from packtrain.cli.text.preview_text import Line

_STYLES = {">": "bold green", "+": "bold yellow", " ": "dim", "": "bold"}


def preview(
    dataset: DatasetId,
    template: Annotated[str | None, typer.Option(help="Written with this template: llama3, qwen, phi, ...")] = None,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many rows.")] = 3,
    mask_history: Annotated[bool, typer.Option("--mask-history", help="As in the job's configuration.")] = False,
    train_on_prompt: Annotated[bool, typer.Option("--train-on-prompt", help="As in the job's configuration.")] = False,
    no_thinking: Annotated[bool, typer.Option("--no-thinking", help="As with enable_thinking: false.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the first rows, with a template as the model will see them.

    Lines marked > are trained on, the others only read; + is trained on and not read. ↵ is a line end of the text.

    \b
    packtrain datasets preview ds_abc --template qwen
    """
    from packtrain.cli.text.preview_text import row_lines

    flags = {"mask_history": mask_history, "train_on_prompt": train_on_prompt}
    with connect() as api:
        dataset = find_dataset(api, dataset)
        found = api.dataset_preview(dataset, template=template, count=count, enable_thinking=not no_thinking, **flags)
    if as_json:
        say_json(found)
        return
    for row in found["rows"]:
        _show(row_lines(row))
    if template is not None:
        note("nothing is cut at cutoff_len here; [BOS] and [EOS] stand for the tokenizer's own tokens")


def _show(lines: "Iterable[Line]") -> None:
    """In colours on a terminal, where long lines go on beside their mark."""
    if not sys.stdout.isatty():
        for line in lines:
            say(f"{line.mark} {line.text}" if line.mark else line.text)
        return
    from rich.table import Table
    from rich.text import Text

    from packtrain.sanitize import inert_line

    for line in lines:
        grid = Table.grid(padding=(0, 1))
        cells = [Text(cell, _STYLES[line.mark], overflow="fold") for cell in (line.mark, inert_line(line.text))]
        grid.add_row(*cells[0 if line.mark else 1 :])
        console().print(grid)


COMMANDS: dict[str, Callable[..., Any]] = {"preview": preview}
