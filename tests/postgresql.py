"""A real PostgreSQL for the tests: its own data folder, a free loopback port, an unprivileged user."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

USER = "packtrain"
START_TIMEOUT_SECONDS = 60
# Nothing here has to survive a power cut.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60", "shared_buffers=32MB")


@contextmanager
def running_server() -> Iterator[str]:
    """A server's URL, `postgresql+psycopg://...@127.0.0.1:port` without a database's name, until the block ends."""
    programs, account = _programs(), _account()
    folder = Path(tempfile.mkdtemp(prefix="packtrain-postgresql-"))
    try:
        if account is not None:
            shutil.chown(folder, account)
        _run_as(account, [programs / "initdb", "-D", folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "-N"])
        port = _free_port()
        options = [part for setting in FAST for part in ("-c", setting)]
        where = ["-D", str(folder / "data"), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
        command = [str(programs / "postgres"), *where, *options]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, user=account, stdout=log, stderr=log, cwd=folder)
        try:
            _wait_until_it_answers(server, port, folder / "log")
            yield f"postgresql+psycopg://{USER}@127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=START_TIMEOUT_SECONDS)
    finally:
        shutil.rmtree(folder)


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
