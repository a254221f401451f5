"""Groups of options, as a command line gives them."""

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from packtrain.cli.commands.option_groups import grouped


@dataclass(frozen=True)
class Size:
    """A group."""

    width: Annotated[int | None, typer.Option("--wide", help="How wide.")] = None
    height: int = 2


@grouped
def draw(shape: str, size: Size = Size(), again: bool = False) -> None:
    """Draw a shape."""
    typer.echo(f"{shape} {size.width} {size.height} {again}")


def run(*words: str) -> str:
    app = typer.Typer()
    app.command()(draw)
    done = CliRunner().invoke(app, [*words])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_options_of_a_group_reach_the_command_as_one_value() -> None:
    assert run("box", "--wide", "7", "--again") == "box 7 2 True\n"


def test_what_is_not_given_has_the_groups_default() -> None:
    assert run("box") == "box None 2 False\n"


def test_the_options_of_a_group_stand_in_its_place_in_the_help() -> None:
    told = run("--help")
    assert "Draw a shape." in told
    assert told.index("--wide") < told.index("--height") < told.index("--again")
