"""A real Prometheus takes the alert rules, and answers the queries of the board."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from container.lab import ports

pytestmark = pytest.mark.system
FOLDER = Path(__file__).parents[2] / "ops" / "monitoring"
RULES = FOLDER / "alerts.yml"
BOARD: dict[str, Any] = json.loads((FOLDER / "grafana-board.json").read_text(encoding="utf-8"))
QUERIES = [
    target["expr"].replace("$cluster", ".*") for panel in BOARD["panels"] for target in panel["targets"]
]  # fmt: skip
PATIENCE_SECONDS = 300.0


@contextmanager
def serving(text: str) -> Iterator[int]:
    """The port at which this text is all that there is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=1.0.0")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name there)
            """Nothing: pytest shows what is wrong."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def prometheus(metrics_text: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """The API of a Prometheus that has looked twice."""
    with serving(metrics_text) as port:
        scrape = {"job_name": "packtrain", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        often = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config = tmp_path / "prometheus.yml"
        config.write_text(yaml.safe_dump({"global": often, "rule_files": [str(RULES)], "scrape_configs": [scrape]}))
        address = f"127.0.0.1:{ports.pick()}"
        options = (f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data", f"--web.listen-address={address}")
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(["prometheus", *options], stdout=log, stderr=log)
        try:
            with httpx.Client(base_url=f"http://{address}/api/v1", trust_env=False, timeout=30.0) as client:
                _await_looks(client)
                yield client
        finally:
            process.terminate()
            process.wait()


def _await_looks(client: httpx.Client) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            counted = _result(client, 'count_over_time(up{job="packtrain"}[5m]) >= 3')
        except httpx.TransportError:
            counted = []
        if counted:
            return
        time.sleep(0.2)
    raise AssertionError("Prometheus has not looked three times")


def _result(client: httpx.Client, query: str) -> list[Any]:
    answer = client.get("query", params={"query": query})
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:  # it has just begun
        return []
    assert answer.is_success, (query, answer.text)
    found: list[Any] = answer.json()["data"]["result"]
    return found


def test_promtool_takes_the_rules() -> None:
    done = subprocess.run(["promtool", "check", "rules", str(RULES)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_board_s_queries_and_the_rules_are_answered(prometheus: httpx.Client) -> None:
    assert [query for query in QUERIES if not _result(prometheus, query)] == []
    groups = prometheus.get("rules").json()["data"]["groups"]
    assert {rule["name"]: rule["lastError"] for group in groups for rule in group["rules"] if "lastError" in rule} == {}
    assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}
