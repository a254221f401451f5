"""secrets: set, list, delete. A value is read from the terminal or standard input, never from the command line."""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from packtrain.cli.commands.arguments import AsJson, connect
from packtrain.cli.screen import listing, note, now, say_json
from packtrain.cli.text.units import age

Name = Annotated[str, typer.Argument(metavar="NAME", help="As the run will find it: WANDB_API_KEY.")]


def set_secret(name: Name) -> None:
    """Keep a value for your jobs, in place of an older one.

    Asked for without an echo, or read from standard input; `packtrain submit --secret NAME` gives it to a run.

    \b
    packtrain secrets set WANDB_API_KEY
    packtrain secrets set WANDB_API_KEY < key.txt
    """
    value = typer.prompt(name, hide_input=True) if sys.stdin.isatty() else sys.stdin.read().rstrip("\r\n")
    with connect() as api:
        api.keep_secret(name, value)
    note(f"{name} is kept")


def list_secrets(as_json: AsJson = False) -> None:
    """List your secrets by name. Nobody is shown a value."""
    with connect() as api:
        page = api.secrets()
    if as_json:
        say_json(page)
        return
    moment = now()
    listing(
        "secrets", ("NAME", "SET"), [(secret["name"], age(secret["updated_at"], moment)) for secret in page["data"]]
    )


def delete(name: Name) -> None:
    """Forget a secret."""
    with connect() as api:
        api.delete_secret(name)
    note(f"{name} is deleted")


COMMANDS: dict[str, Callable[..., Any]] = {"set": set_secret, "list": list_secrets, "delete": delete}
