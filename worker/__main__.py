"""`python -m worker`: drive every cluster of the settings until SIGTERM; a second SIGTERM kills."""

import logging
import os
import signal
import socket
import sys
from types import FrameType

from sqlalchemy import Engine

from tuning.db.database_errors import DATABASE_TROUBLE, complaint
from tuning.db.engine import open_engine, open_sessions
from tuning.errors import InvalidInput
from tuning.logs import set_up_logs
from tuning.migrate import is_current
from tuning.settings import load_clusters, load_settings
from tuning.ssh.paramiko_transport import ParamikoTransport
from tuning.tables import configure_tables
from worker.loop import Worker

log = logging.getLogger("worker")


def main() -> None:
    """Build everything from the environment, and run."""
    try:
        settings = load_settings()
        clusters = load_clusters(settings.clusters_file)
    except InvalidInput as error:
        sys.exit(f"packtrain worker: {error.with_hints()}")
    set_up_logs(settings.log_level)
    if not clusters:
        sys.exit(f"packtrain worker: {settings.clusters_file} names no cluster")
    configure_tables()
    # Less than a lease: a worker that is stopped with a lock in its hands must not cost the others their leases too.
    engine = open_engine(settings.database_url, standstill_seconds=settings.lease_seconds / 3)
    _require_schema(engine)
    owner = f"{socket.gethostname()}:{os.getpid()}"
    worker = Worker(settings, clusters, open_sessions(engine), ParamikoTransport, owner)
    _stop_on_signals(worker)
    log.info("worker %s starts", owner, extra={"action": "start", "clusters": sorted(clusters)})
    worker.run()
    engine.dispose()
    log.info("worker %s ends", owner, extra={"action": "end"})


def _require_schema(engine: Engine) -> None:
    """Ends the program where the database is not this version's; one that is away is waited for."""
    try:
        with engine.connect() as connection:
            is_ours = is_current(connection)
    except DATABASE_TROUBLE as error:
        log.warning("the database does not answer: %s", complaint(error), extra={"action": "start"})
        return
    if not is_ours:
        where = engine.url.render_as_string(hide_password=True)
        sys.exit(
            f"packtrain worker: the database {where} has another schema than this version: run `packtrain migrate`"
        )


def _stop_on_signals(worker: Worker) -> None:
    def stop(number: int, _frame: FrameType | None) -> None:
        worker.stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


if __name__ == "__main__":
    main()
