"""serve, work, migrate: the other programs, and the database they stand on."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import tuning
from packtrain.cli.screen import note


def serve() -> None:
    """Run the HTTP server in the foreground.

    Settings: PACKTRAIN_HOST, PACKTRAIN_PORT, PACKTRAIN_DATABASE_URL, ... (docs/operator-guide.md).
    """
    _become("server")


def work() -> None:
    """Run a worker in the foreground.

    It drives the clusters of PACKTRAIN_CLUSTERS_FILE.
    """
    _become("worker")


def migrate() -> None:
    """Bring the database up to date.

    The one of PACKTRAIN_DATABASE_URL.
    """
    from alembic.util import CommandError
    from sqlalchemy import make_url
    from sqlalchemy.exc import DBAPIError

    from ops.database_words import unusable
    from tuning.migrate import upgrade
    from tuning.settings import load_settings

    database_url = load_settings().database_url
    try:
        upgrade(database_url)
    except (DBAPIError, OSError) as error:
        hint = "PACKTRAIN_DATABASE_URL names it: is it there, and may this account change it?"
        raise unusable(make_url(database_url), error, hint) from error
    except CommandError as error:
        hint = "a newer packtrain has migrated it: install that one, or restore a backup of before"
        raise unusable(make_url(database_url), error, hint) from error
    note("the database is up to date")


def _become(program: str) -> NoReturn:
    # -P: a folder `server` where the user happens to stand must not be taken for ours. The same process goes on under
    # the same id: signals of a service manager reach the program itself.
    here = str(Path(tuning.__file__).parent.parent)
    path = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    os.execve(sys.executable, [sys.executable, "-P", "-m", program], {**os.environ, "PYTHONPATH": path})  # noqa: S606 - no shell is meant
