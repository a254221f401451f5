"""Serve the pages on a made-up lab, to look at and for browser tests: `python -m tests.pages.stage --jobs 200`."""

import argparse
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import SecretStr

from container import pages
from container.steps import say
from server.http.bounds.connections import BoundedConfig, ConnectionLimits, ConnectionWatch
from server.http.stopping import StoppingServer
from server.main import create_app
from tests.factories import make_cluster_settings
from tests.pages.made_up_lab import MadeUpLab, make_up
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.migrate import upgrade
from tuning.settings import Settings

_START_SECONDS = 30.0


@dataclass(frozen=True)
class Stage:
    """A server on a made-up lab."""

    url: str
    lab: MadeUpLab


@contextmanager
def stage(folder: Path, jobs: int, port: int = 0, further: Mapping[str, Any] | None = None) -> Iterator[Stage]:
    """Serve, with further settings, until the block ends; the time is the real one."""
    url = f"sqlite:///{folder / 'packtrain.db'}"
    upgrade(url)
    engine = open_engine(url)
    with transaction(open_sessions(engine)) as session:
        lab = make_up(session, jobs, datetime.now(UTC))
    engine.dispose()
    settings = Settings(
        database_url=url,
        data_dir=folder / "data",
        secrets_key=SecretStr("a key"),
        slurm_wait_seconds=0.2,
        rate_per_second=0,
    ).model_copy(update=further or {})
    with _serving(settings, port) as served:
        yield Stage(served, lab)


@contextmanager
def _serving(settings: Settings, port: int) -> Iterator[str]:
    app = create_app(settings, {"lab": make_cluster_settings()})
    limits = ConnectionLimits(head_seconds=10, idle_seconds=30, max_connections=1000)
    config = BoundedConfig(app, ConnectionWatch(limits, time.monotonic), port=port, log_config=None, access_log=False)
    server = StoppingServer(config, app.state.feed)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--port", type=int, default=8450)
    asked = parser.parse_args()
    pages.build()
    with TemporaryDirectory() as folder, stage(Path(folder), asked.jobs, asked.port) as staged:
        say(f"{staged.url}  administrator {staged.lab.administrator_token}  member {staged.lab.member_token}")
        threading.Event().wait()


if __name__ == "__main__":
    main()
