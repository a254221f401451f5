"""database: copy."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from packtrain.cli.screen import note, now, say


def copy(
    to_url: Annotated[str, typer.Argument(metavar="TO_URL", help="An empty database; its tables are made.")],
) -> None:
    """Copy the database into another, empty one: SQLite to PostgreSQL, or back.

    That of PACKTRAIN_DATABASE_URL, which stays as it is. Stop server and workers before. A password may be left to
    ~/.pgpass.

    \b
    packtrain database copy postgresql+psycopg://packtrain@db/packtrain
    """
    from ops.storage.database_copy import copy_database
    from tuning.settings import load_settings

    counts = copy_database(load_settings().database_url, to_url, now())
    for table, count in counts.items():
        say(f"{count:>10} {table}")
    note("copied, and counted in both. Set PACKTRAIN_DATABASE_URL to the new one before you start server and worker")


COMMANDS: dict[str, Callable[..., Any]] = {"copy": copy}
