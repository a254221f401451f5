"""A real PostgreSQL for the tests: its own data folder, a free loopback port, an unprivileged user."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

USER = "packtrain"
START_TIMEOUT_SECONDS = 60
# Nothing here has to survive a power cut.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60", "shared_buffers=32MB")


# What was committed has to survive the server's sudden end, if not the machine's.
DURABLE = ("fsync=off", "max_connections=60", "shared_buffers=32MB")


class Server:
    """A PostgreSQL on a data folder of its own, which may be stopped and started again."""

    def __init__(self, folder: Path, settings: Sequence[str]) -> None:
        self._programs, self._account, self._folder = _programs(), _account(), folder
        self._port = _free_port()
        if self._account is not None:
            shutil.chown(folder, self._account)
        made: list[str | Path] = ["-D", folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "-N"]
        _run_as(self._account, [self._programs / "initdb", *made])
        options = [part for setting in settings for part in ("-c", setting)]
        where = ["-D", str(folder / "data"), "-h", "127.0.0.1", "-p", str(self._port), "-k", str(folder)]
        self._command = [str(self._programs / "postgres"), *where, *options]
        self._process = self._started()

    @property
    def url(self) -> str:
        """`postgresql+psycopg://...@127.0.0.1:port` without a database's name."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self._port}"

    def stop_at_once(self) -> None:
        """As `pg_ctl stop -m immediate`: every session ends in the middle of what it does."""
        self._end(signal.SIGQUIT)

    def start(self) -> None:
        """Start it again, and wait until it answers."""
        self._process = self._started()

    def close(self) -> None:
        """End it, if it runs."""
        if self._process.poll() is None:
            self._end(signal.SIGTERM)

    def _started(self) -> "subprocess.Popen[bytes]":
        log = self._folder / "log"
        with log.open("ab") as out:
            process = subprocess.Popen(self._command, user=self._account, stdout=out, stderr=out, cwd=self._folder)
        _wait_until_it_answers(process, self._port, log)
        return process

    def _end(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        self._process.wait(timeout=START_TIMEOUT_SECONDS)


@contextmanager
def running(settings: Sequence[str] = FAST) -> Iterator[Server]:
    """A server until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="packtrain-postgresql-"))
    try:
        server = Server(folder, settings)
        try:
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder)


@contextmanager
def running_server() -> Iterator[str]:
    """The URL of a server until the block ends."""
    with running() as server:
        yield server.url


def _programs() -> Path:
    """Debian keeps them off PATH. The newest; without any the tests fail, since half of them would say nothing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    if not found and on_path is None:
        raise RuntimeError("there is no PostgreSQL server: `apt-get install postgresql` (`make test` does it)")
    return found[-1].parent if found else Path(str(on_path)).resolve().parent


def _account() -> str | None:
    """PostgreSQL refuses to run as root; anybody else runs it as himself."""
    if os.geteuid() != 0:
        return None
    return next(account.pw_name for account in pwd.getpwall() if account.pw_name in {"postgres", "nobody"})


def _run_as(account: str | None, command: list[str | Path]) -> None:
    done = subprocess.run(command, user=account, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user=USER, dbname="postgres").close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}") from error
            time.sleep(0.05)
        else:
            return
