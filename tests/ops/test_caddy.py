"""The TLS example: a real Caddy before a real server, with a certificate of its own."""

import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from container.lab import ports
from tests.chaos.orders import BODY
from tests.chaos.same_key import serving
from tuning.migrate import upgrade

pytestmark = pytest.mark.system
EXAMPLE = Path(__file__).parents[2] / "ops" / "caddy" / "Caddyfile"
PATIENCE_SECONDS = 300.0
OF_THE_TEST = """{{
	admin off
	auto_https disable_redirects
	skip_install_trust
	storage file_system {storage}
}}
"""
"""No account with a public authority, no port 80, nothing outside the test's folder."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, dict[str, str]]]:
    """A client of the site by TLS, and the headers with a token for it."""
    folder = tmp_path_factory.mktemp("caddy")
    database_url = f"sqlite:///{folder}/packtrain.db"
    upgrade(database_url)
    with serving(folder / "server", database_url) as (url, token):
        address, storage = f"https://localhost:{ports.pick()}", folder / "storage"
        own = EXAMPLE.read_text(encoding="utf-8").replace("127.0.0.1:8421", url.removeprefix("http://"))
        own = own.replace("packtrain.example.org {", f"{address} {{\n\tbind 127.0.0.1\n\ttls internal")
        config = folder / "Caddyfile"
        config.write_text(OF_THE_TEST.format(storage=storage) + own, encoding="utf-8")
        with (folder / "log").open("wb") as log:
            command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]
            caddy = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            trust = _trust(storage / "pki/authorities/local/root.crt")
            with httpx.Client(base_url=address, verify=trust, trust_env=False, timeout=30.0) as client:
                _await(client)
                yield client, {"Authorization": f"Bearer {token}"}
        finally:
            caddy.terminate()
            caddy.wait()


def _trust(root: Path) -> ssl.SSLContext:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (root.exists() and root.stat().st_size):
        assert time.monotonic() < deadline, "Caddy has made no certificate"
        time.sleep(0.1)
    return ssl.create_default_context(cafile=str(root))


def _await(client: httpx.Client) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            client.get("/healthz")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("Caddy does not answer")


def test_caddy_takes_the_example_as_it_is() -> None:
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(EXAMPLE)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_api_answers_by_tls_and_metrics_stay_inside(site: tuple[httpx.Client, dict[str, str]]) -> None:
    client, headers = site
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/api/v1/me", headers=headers).json()["name"] == "many"
    assert client.get("/metrics").status_code == httpx.codes.NOT_FOUND


def test_events_are_handed_on_as_they_come(site: tuple[httpx.Client, dict[str, str]]) -> None:
    client, headers = site
    with client.stream("GET", "/api/v1/events/stream", headers=headers) as stream:
        lines = stream.iter_lines()
        job = client.post("/api/v1/jobs", json={**BODY, "held": True}, headers=headers)
        assert job.status_code == httpx.codes.CREATED, job.text
        event = next(json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:"))
    assert event["job_id"] == job.json()["id"]
