"""Models served on the lab cluster: who is answered, and how they end."""

import json
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy.orm import Session

from container import image, lab, stack
from container.lab import models
from packtrain.client import Packtrain
from packtrain.schema import Job
from tests.e2e.site import SHORT_RUN, Site, second_site, wait_for, wait_status
from tuning.db.engine import open_engine, open_sessions
from tuning.jobs.models import Attempt
from tuning.jobs.serving.keys import start_key
from tuning.jobs.serving.servers import ModelServer, touch_last_used
from tuning.secrets.cipher import Cipher
from tuning.tables import configure_tables

IDLE_SECONDS = 60
SETTINGS = f'serve_class = "scavenger"\nserve_idle_seconds = {IDLE_SECONDS}\naccounting = '
ASK = """\
import json, sys, urllib.request
url, key, path, body = sys.argv[1:]
head = {"Authorization": "Bearer " + key, "Content-Type": "application/json"}
request = urllib.request.Request(url + path, body.encode() or None, head)
try:
    print(urllib.request.urlopen(request, timeout=120).read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""


@dataclass(frozen=True)
class Served:
    """A model that is ready, and how it is reached from the login node."""

    job_id: str
    url: str
    key: str


@pytest.fixture(scope="module")
def one_gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A packtrain whose cluster has one GPU, which served models give to trainings."""
    folder = tmp_path_factory.mktemp("serving")
    state = folder / "lab"
    configure_tables()
    try:
        cluster = lab.up(lab.Profile.TRIXIE, state, image=image.build("cpu"), models=models.build(), cpus=4, gpus=1)
        cluster.run("scontrol", "update", "nodename=n2", "state=drain", "reason=one node is enough")
        clusters = stack.clusters_toml(cluster).replace("accounting = ", SETTINGS, 1)
        with second_site(folder / "site", cluster, clusters) as site:
            yield site
    finally:
        lab.down(state)


@pytest.fixture
def client(one_gpu: Site) -> Iterator[Packtrain]:
    """Its API; what is served is ended behind each test, for the one GPU."""
    with one_gpu.client() as client:
        yield client
        for job in client.jobs(status=["queued", "submitting", "pending", "running"])["data"]:
            client.cancel(job["id"])
            wait_status_of(client, job["id"])


def wait_status_of(client: Packtrain, job_id: str) -> Job:
    return wait_status(client, job_id, "succeeded", "failed", "cancelled")


def wait_ready(site: Site, job_id: str) -> Served:
    def look() -> Served | None:
        with _session(site) as session:
            server, attempt = session.get(ModelServer, job_id), session.get(Attempt, (job_id, 1))
            if server is None or server.ready_at is None or attempt is None:
                return None
            cipher = Cipher(SecretStr((site.state / "secrets_key").read_text()))
            url = f"http://{server.address}:{server.port}"
            return Served(job_id, url, start_key(cipher, attempt.token))

    with site.client() as client:
        wait_status(client, job_id, "running")
        return wait_for("ready server", look)


def _session(site: Site) -> Session:
    return open_sessions(open_engine(f"sqlite:///{site.state / 'packtrain.db'}"))()


def ask(site: Site, url: str, key: str, path: str, body: dict[str, Any] | None = None) -> str:
    """Answer to a request from the login node."""
    words = [url, key, path, json.dumps(body) if body is not None else ""]
    return site.on_cluster(f"python3 -c {shlex.quote(ASK)} {shlex.join(words)}")


def chat(site: Site, served: Served, **more: Any) -> str:
    body = {"model": "m", "messages": [{"role": "user", "content": "Who are you?"}], "max_tokens": 8, **more}
    return ask(site, served.url, served.key, "/v1/chat/completions", body)


def test_it_answers_whoever_has_its_key_and_is_not_started_twice(one_gpu: Site, client: Packtrain) -> None:
    job = client.serve_model("tiny-llama")
    served = wait_ready(one_gpu, job["id"])
    answer = json.loads(chat(one_gpu, served))
    assert answer["usage"]["completion_tokens"] == 8
    assert ask(one_gpu, served.url, "another", "/v1/models").startswith("401")
    assert client.serve_model("tiny-llama")["id"] == job["id"]
    assert (client.job(job["id"])["status_reason"] or "").startswith("serving on n1")


def test_a_run_killed_in_its_answer_has_failed_and_another_is_started(one_gpu: Site, client: Packtrain) -> None:
    first = client.serve_model("tiny-qwen2")
    served = wait_ready(one_gpu, first["id"])
    body = json.dumps({"model": "m", "prompt": "a", "max_tokens": 3000, "stream": True, "temperature": 0})
    asks = f"python3 -c {shlex.quote(ASK)} {shlex.join([served.url, served.key, '/v1/completions', body])}"
    cut = one_gpu.on_cluster(
        f"{asks} >/tmp/cut 2>&1 & sleep 3; pkill -KILL -f '[s]erve.program .*/{first['id']}/'; wait; cat /tmp/cut"
    )
    assert "[DONE]" not in cut
    ended = wait_status_of(client, first["id"])
    assert ended["status"] == "failed", ended["status_reason"]
    assert ended["failure"] is not None
    assert "the next request starts it again" in str(ended["failure"]["hint"])
    second = client.serve_model("tiny-qwen2")
    assert second["id"] != first["id"]
    assert "usage" in chat(one_gpu, wait_ready(one_gpu, second["id"]))


def test_one_that_nobody_talks_to_ends_well(one_gpu: Site, client: Packtrain) -> None:
    job = client.serve_model("tiny-llama")
    served = wait_ready(one_gpu, job["id"])
    used = time.time()
    with _session(one_gpu) as session:
        touch_last_used(session, job["id"], datetime.fromtimestamp(used, UTC))
        session.commit()
    ended = wait_status(client, job["id"], "succeeded")
    assert ended["status_reason"] == "nobody talked to it for 60 seconds; the next request starts it again"
    assert time.time() - used >= IDLE_SECONDS
    assert served.job_id == job["id"]


def test_an_adapter_gives_its_gpu_to_a_training(one_gpu: Site, client: Packtrain) -> None:
    trained = client.submit(config=SHORT_RUN)
    wait_status(client, trained["id"], "succeeded")
    served = client.serve_model(f"ft:any:any:words:{trained['id'].removeprefix('job_')}")
    assert served["name"].startswith("serving ft:tiny-llama:")
    assert "usage" in chat(one_gpu, wait_ready(one_gpu, served["id"]))
    training = client.submit(config=SHORT_RUN)
    ended = wait_status_of(client, served["id"])
    assert ended["failure"] is not None
    assert (ended["failure"]["code"], ended["status"]) == ("preempted", "failed")
    wait_status(client, training["id"], "running", "succeeded")


def test_the_command_starts_and_stops_it(one_gpu: Site, client: Packtrain) -> None:
    environment = {**one_gpu.env(), "PATH": "/usr/bin:/bin"}
    told = stack.packtrain(["models", "serve", "tiny-llama"], environment)
    job_id = told.split()[0]
    listed = client.jobs(kind="serve", status=["queued", "submitting", "pending", "running"])["data"]
    assert [job["id"] for job in listed] == [job_id]
    assert stack.packtrain(["models", "stop", "tiny-llama"], environment).startswith(job_id)
    assert wait_status_of(client, job_id)["status"] == "cancelled"


def test_folders_of_ended_servers_hold_no_key(one_gpu: Site) -> None:
    root = Path("/home/packtrain") / one_gpu.state.name
    look = f"find {root}/jobs -path '*/secrets/*' -name API_KEY | wc -l"
    wait_for("removal of all keys", lambda: True if one_gpu.on_cluster(look).strip() == "0" else None)
