"""A day of requests, by two users and an administrator; played against a server, it gives what was answered."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from tests.factories import NOON, make_attempt, make_attempt_texts, make_job
from tuning.jobs.models import Artifact, JobEvent, LogChunk, MetricPoint
from tuning.jobs.status import JobStatus
from tuning.people.models import User

CONFIG = {"model_name_or_path": "tiny-qwen2", "stage": "sft", "do_train": True, "template": "qwen", "max_steps": 10}
CONFIG_YAML = "model_name_or_path: tiny-qwen2\nstage: sft\ntemplate: qwen\ndataset: identity\nlearning_rate: 1e-4\n"
ROWS = b'[{"instruction": "a", "input": "", "output": "b"}, {"instruction": "c", "input": "d", "output": "e"}]'
HEADERS = ("content-type", "location", "etag", "retry-after", "allow")
_OPAQUE = re.compile(r"(job|ds|tok|user|sec|wh|msg)_[a-z0-9]{8,}|pt_[A-Za-z0-9_-]{20,}|whsec_[A-Za-z0-9+/=]+")
_RESULT = re.compile(r"ft:[\w.:/-]+")  # its last part is the job's id in another spelling

Clients = Mapping[str, TestClient]
Exchange = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One request; `saved` names the id in its answer for the paths and bodies of later ones."""

    method: str
    path: str
    json: Any = None
    by: str = "ada"
    saved: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def seed(session: Session, owner: User) -> str:
    """A run of long ago with everything that a worker writes of it; returns its id."""
    ended = NOON + timedelta(hours=2)
    job = make_job(
        session,
        owner,
        tags={"team": "mt"},
        status=JobStatus.SUCCEEDED,
        status_reason="ended well",
        attempt=1,
        slurm_job_id=4711,
        slurm_state="COMPLETED",
        submitted_at=NOON,
        started_at=NOON + timedelta(minutes=1),
        finished_at=ended,
        current_steps=10,
        total_steps=10,
        percentage=100.0,
        epoch=1.0,
        loss=0.5,
        elapsed_seconds=7140.0,
        result={"train_loss": 0.75},
    )
    make_attempt(session, job, slurm_job_id=4711, submitted_at=NOON, finished_at=ended)
    make_attempt_texts(session, job, "#!/bin/bash\n", "stage: sft\n")
    session.add_all(
        MetricPoint(
            job_id=job.id, attempt=1, step=step, kind="train", at=NOON, epoch=step / 10, values={"loss": 1 / step}
        )
        for step in range(1, 11)
    )
    session.add(LogChunk(job_id=job.id, attempt=1, stream="stdout", offset_bytes=0, content=b"one\ntwo\nthree\n"))
    session.add(Artifact(job_id=job.id, path="adapter_config.json", size_bytes=5, modified_at=ended))
    session.add(JobEvent(job_id=job.id, at=ended, type="job.succeeded", message="ended well", data={"attempt": 1}))
    session.flush()
    return job.id


def steps(old_job: str) -> Sequence[Step]:
    """The requests, in their order."""
    upload = {"files": {"file": ("rows.json", ROWS)}, "data": {"name": "rows"}}
    key = {"headers": {"Idempotency-Key": "k-1"}}
    train = {"name": "first", "config": CONFIG, "datasets": ["{data}"], "tags": {"team": "mt"}, "priority": 5}
    return [
        Step("GET", "/healthz"),
        Step("GET", "/api/v1/me"),
        Step("GET", "/api/v1/me", by="nobody"),
        Step("POST", "/api/v1/datasets", saved="data", more=upload),
        Step("GET", "/api/v1/datasets"),
        Step("GET", "/api/v1/datasets/{data}"),
        Step("GET", "/api/v1/datasets/{data}/report?cutoff_len=64"),
        Step("GET", "/api/v1/datasets/{data}/preview?count=1&template=qwen"),
        Step("POST", "/api/v1/datasets", more={"files": {"file": ("bad.json", b"{")}}),
        Step("POST", "/api/v1/datasets", {"cluster_path": "/shared/models/x.jsonl"}, saved="far"),
        Step("POST", "/api/v1/datasets", {"cluster_path": "/etc/passwd"}),
        Step("PUT", "/api/v1/secrets/HF_TOKEN", {"value": "hf"}),
        Step("GET", "/api/v1/secrets"),
        Step("POST", "/api/v1/jobs", train, saved="job", more=key),
        Step("POST", "/api/v1/jobs", train, more=key),
        Step("POST", "/api/v1/jobs", {**train, "name": "other"}, more=key),
        Step("POST", "/api/v1/jobs", {"config_yaml": CONFIG_YAML, "held": True, "secrets": ["HF_TOKEN"]}, saved="held"),
        Step("POST", "/api/v1/jobs", {"config": {**CONFIG, "learning_rat": 1}, "datasets": ["ds_none"]}),
        Step("POST", "/api/v1/jobs", {"config": CONFIG, "resources": {"cluster": "moon"}}),
        Step("POST", "/api/v1/jobs", {"confg": CONFIG}),
        Step("POST", "/api/v1/jobs", {"recipe": "lora-sft", "config": CONFIG, "datasets": ["{data}"]}, saved="recipe"),
        Step(
            "POST", "/api/v1/jobs", {"config": CONFIG, "datasets": ["{data}"], "depends_on": ["{job}"]}, saved="after"
        ),
        Step("POST", "/api/v1/jobs/validate", {"config": CONFIG, "datasets": ["{data}"]}),
        Step("POST", "/api/v1/jobs/validate", {"config": {**CONFIG, "max_steps": 10**14}}),
        Step("GET", "/api/v1/jobs"),
        Step("GET", "/api/v1/jobs?status=queued&tag=team:mt&sort=-created_at&limit=1"),
        Step("GET", "/api/v1/jobs?status=nothing"),
        Step("GET", "/api/v1/jobs?q=first"),
        Step("GET", "/api/v1/jobs/{job}"),
        Step("GET", "/api/v1/jobs/{job}", by="bob"),
        Step("GET", "/api/v1/jobs/job_none"),
        Step("GET", "/api/v1/jobs/{job}/script"),
        Step("GET", "/api/v1/jobs/{job}/config"),
        Step("GET", "/api/v1/jobs/{job}/progress"),
        Step("GET", "/api/v1/jobs/{job}/events"),
        Step("GET", "/api/v1/jobs/{job}/logs"),
        Step("GET", "/api/v1/jobs/{job}/artifacts"),
        Step("PATCH", "/api/v1/jobs/{job}", {"name": "renamed", "tags": {"a": "b"}}),
        Step("PATCH", "/api/v1/jobs/{job}", {"name": "bob's"}, by="bob"),
        Step("POST", "/api/v1/jobs/{job}/hold"),
        Step("POST", "/api/v1/jobs/{job}/release"),
        Step("POST", "/api/v1/jobs/{job}/cancel", by="bob"),
        Step("POST", "/api/v1/jobs/{job}/cancel", {"save": False}),
        Step("POST", "/api/v1/jobs/{job}/cancel"),
        Step("POST", "/api/v1/jobs/{job}/retry", {"config": {"max_steps": 20}}, saved="again"),
        Step("POST", "/api/v1/jobs/{held}/retry"),
        Step("POST", "/api/v1/jobs/{held}/clone", {"name": "copy"}),
        Step("DELETE", "/api/v1/jobs/{held}"),
        Step("DELETE", "/api/v1/jobs/{job}"),
        Step("DELETE", "/api/v1/datasets/{data}"),
        Step("DELETE", "/api/v1/datasets/{far}"),
        Step("GET", f"/api/v1/jobs/{old_job}"),
        Step("GET", f"/api/v1/jobs/{old_job}/progress"),
        Step("GET", f"/api/v1/jobs/{old_job}/metrics?points=100"),
        Step("GET", f"/api/v1/jobs/{old_job}/metrics.csv"),
        Step("GET", f"/api/v1/jobs/{old_job}/events"),
        Step("GET", f"/api/v1/jobs/{old_job}/script"),
        Step("GET", f"/api/v1/jobs/{old_job}/config?attempt=1"),
        Step("GET", f"/api/v1/jobs/{old_job}/checkpoints"),
        Step("DELETE", f"/api/v1/jobs/{old_job}/checkpoints/5"),
        Step("GET", f"/api/v1/jobs/{old_job}/artifacts"),
        Step("GET", "/api/v1/clusters"),
        Step("GET", "/api/v1/clusters/lab"),
        Step("GET", "/api/v1/clusters/moon"),
        Step("GET", "/api/v1/recipes"),
        Step("GET", "/api/v1/recipes/lora-sft"),
        Step("POST", "/api/v1/tokens", {"name": "ci", "scopes": ["read"]}, saved="token"),
        Step("GET", "/api/v1/tokens?limit=1"),
        Step("DELETE", "/api/v1/tokens/{token}"),
        Step("POST", "/api/v1/tokens", {"name": "more", "user": "bob"}),
        Step("POST", "/api/v1/tokens", {"name": "more", "user": "bob"}, by="root"),
        Step("DELETE", "/api/v1/secrets/HF_TOKEN"),
        Step("DELETE", "/api/v1/jobs"),
        Step("GET", "/api/v2/jobs"),
        Step("POST", "/api/v1/webhooks", {"url": "https://hooks.example.org/x", "events": ["job.*"]}, saved="hook"),
        Step("POST", "/api/v1/webhooks", {"url": "http://127.0.0.1/x", "events": ["job.faild"]}),
        Step("GET", "/api/v1/webhooks"),
        Step("GET", "/api/v1/webhooks/{hook}", by="bob"),
        Step("POST", "/api/v1/jobs", {**train, "datasets": [], "config": {**CONFIG, "dataset": "identity"}}),
        Step("GET", "/api/v1/webhooks/{hook}/deliveries"),
        Step("POST", "/api/v1/webhooks/{hook}/test", saved="notice"),
        Step("POST", "/api/v1/webhooks/{hook}/deliveries/{notice}/resend"),
        Step("PATCH", "/api/v1/webhooks/{hook}", {"disabled": True}),
        Step("POST", "/api/v1/webhooks/{hook}/rotate-secret"),
        Step("DELETE", "/api/v1/webhooks/{hook}"),
        Step("GET", "/api/v1/sessions"),
        Step("DELETE", "/api/v1/sessions/ses_none"),
    ]


def play(clients: Clients, old_job: str, tick: Callable[[], None]) -> list[Exchange]:
    """Answers to each request, with ids and tokens as their places in the order in which they came."""
    saved: dict[str, str] = {}
    named: dict[str, str] = {}
    found: list[Exchange] = []
    for step in steps(old_job):
        path, body = _filled(step.path, saved), _filled(step.json, saved)
        more = {**step.more, **({"json": body} if body is not None else {})}
        tick()
        answer = clients[step.by].request(step.method, path, **more)
        content = _content(answer)
        if step.saved is not None:
            assert "id" in content, f"{step.path}: {content}"
            saved[step.saved] = content["id"]
        exchange = {
            "request": f"{step.by}: {step.method} {step.path}",
            "status": answer.status_code,
            "headers": {name: answer.headers[name] for name in HEADERS if name in answer.headers},
            "body": content,
        }
        found.append(_without_ids(exchange, named))
    return found


def _content(answer: Any) -> Any:
    is_json = "json" in answer.headers.get("content-type", "")
    return answer.json() if is_json and answer.content else answer.text


def _filled(value: Any, saved: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda match: saved.get(match[1], match[0]), value)
    if isinstance(value, dict):
        return {key: _filled(item, saved) for key, item in value.items()}
    return [_filled(item, saved) for item in value] if isinstance(value, list) else value


def _without_ids(value: Any, named: dict[str, str]) -> Any:
    if isinstance(value, str):
        value = _RESULT.sub("<result>", value)
        return _OPAQUE.sub(lambda match: named.setdefault(match[0], f"<{match[0].split('_')[0]} {len(named)}>"), value)
    if isinstance(value, dict):
        return {_without_ids(key, named): _without_ids(item, named) for key, item in value.items()}
    return [_without_ids(item, named) for item in value] if isinstance(value, list) else value
