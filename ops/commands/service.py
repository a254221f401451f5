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
    from tuning.migrate import upgrade
    from tuning.settings import Settings

    upgrade(Settings().database_url)
    note("the database is up to date")


def _become(program: str) -> NoReturn:
    # -P: a folder `server` where the user happens to stand must not be taken for ours. The same process goes on under
    # the same id: signals of a service manager reach the program itself.
    here = str(Path(tuning.__file__).parent.parent)
    path = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    os.execve(sys.executable, [sys.executable, "-P", "-m", program], {**os.environ, "PYTHONPATH": path})  # noqa: S606 - no shell is meant
