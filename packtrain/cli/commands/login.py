"""login, whoami."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from packtrain.cli.commands.arguments import AsJson
from packtrain.cli.screen import note, say, say_json
from packtrain.connection import checked_connection, find_connection, keep_connection, user_file
from packtrain.errors import NotConfigured

if TYPE_CHECKING:
    from packtrain.connection import Connection
    from packtrain.schema import Me

_MOST_CHARACTERS = 10_000


def login(
    url: Annotated[str | None, typer.Option(metavar="URL", help="The server's address; asked for if left out.")] = None,
) -> None:
    """Keep a server's address and your token.

    Both are asked for, tried, and written to a file that only you can read.

    The token is asked for without an echo, or read from standard input.

    \b
    packtrain login
    packtrain login --url https://packtrain.lab < token.txt
    """
    path = user_file(os.environ)
    if path is None:
        raise NotConfigured("there is no home folder to keep a file in", hint="set PACKTRAIN_URL and PACKTRAIN_TOKEN")
    address = url or typer.prompt("address of the server", err=True)
    is_asked = sys.stdin.isatty()
    token = typer.prompt("token", hide_input=True, err=True) if is_asked else sys.stdin.read(_MOST_CHARACTERS)
    connection = checked_connection(address, token.strip(), "what was typed")
    me = _asked(connection)
    keep_connection(connection, path)
    note(f"you are {me['name']} at {connection.url}; kept in {path}")
    if os.environ.get("PACKTRAIN_URL") or os.environ.get("PACKTRAIN_TOKEN"):
        note("PACKTRAIN_URL and PACKTRAIN_TOKEN are set here, and go before it")


def whoami(as_json: AsJson = False) -> None:
    """Show whose token is used, and at which server."""
    from pathlib import Path

    connection = find_connection(os.environ, Path.cwd())
    me = _asked(connection)
    if as_json:
        say_json(me)
        return
    say(f"{me['name']}{' (administrator)' if me['is_administrator'] else ''}")
    say(f"  server  {connection.url} (from {connection.source})")
    say(f"  token   {me['token_id']}, may {', '.join(me['scopes'])}")


def _asked(connection: "Connection") -> "Me":
    from packtrain.client import Packtrain

    with Packtrain(connection.url, connection.token, source=connection.source) as api:
        return api.me()
