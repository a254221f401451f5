"""The same Idempotency-Key sent many times at once, by real clients to a real server."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from container import stack
from container.background import start_process
from container.lab import ports
from tests.chaos.house import READY_SECONDS, answers, clusters_toml, until
from tests.chaos.orders import BODY

CLIENTS = 10
TIMES = 50


def send_at_once(url: str, token: str, key: str) -> list[tuple[int, str]]:
    """Ask for one job `TIMES` times at the same moment; returns each answer's status code and job id."""
    start = threading.Barrier(TIMES)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}

    def ask(client: httpx.Client) -> tuple[int, str]:
        start.wait(timeout=30.0)
        answer = client.post(f"{url}/api/v1/jobs", json={**BODY, "name": key}, headers=headers)
        return answer.status_code, str(answer.json().get("id", answer.text))

    with ExitStack() as running, ThreadPoolExecutor(TIMES) as pool:
        clients = [running.enter_context(httpx.Client(timeout=60.0, trust_env=False)) for _ in range(CLIENTS)]
        return [*pool.map(ask, [clients[number % CLIENTS] for number in range(TIMES)])]


@contextmanager
def serving(state: Path, database_url: str) -> Iterator[tuple[str, str]]:
    """A server as a process of its own on a migrated database, and a token for it; its cluster is out of reach."""
    state.mkdir(parents=True, exist_ok=True)
    nobody = state / "nobody"
    (state / "clusters.toml").write_text(clusters_toml("127.0.0.1", 9, "nobody", nobody, nobody), encoding="utf-8")
    port = ports.pick()
    environment = stack.settings(state, port) | {"PACKTRAIN_DATABASE_URL": database_url}
    token = stack.packtrain(["token", "create", "many", "--admin", "--quiet"], environment).strip()
    log = state / "server.log"
    server = start_process([sys.executable, "-m", "server"], stack.pid_file(state, "server"), log, environment)
    try:
        until("server that answers", lambda: answers(f"http://127.0.0.1:{port}"), READY_SECONDS)
        yield f"http://127.0.0.1:{port}", token
    finally:
        server.end()
