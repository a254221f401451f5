"""Rows of a made-up lab: people of three teams, jobs in every state, with curves, events and logs."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from tests.factories import make_dataset, make_limit, make_team, make_token, make_user
from tests.pages.made_up_nodes import spread
from tests.pages.made_up_people import add_people_things
from tuning.clusters.models import ClusterRow
from tuning.ids import new_id
from tuning.jobs.models import Artifact, Attempt, AttemptTexts, Job, JobEvent, LogChunk, MetricPoint
from tuning.jobs.status import ENDED, JobStatus
from tuning.people.models import User
from tuning.queue.limits.limit import LimitKind

NAMES = ("wmt ja-en", "llama3 lora sft", "qwen2 dpo", "tiny probe", "reward model", "要約モデル v2", "中文指令微调")
PEOPLE = ("ada", "grace", "kenji", "mei", "noor", "olu", "pia", "ravi")
_WAITING, _RUNNING, _HELD = 0.25, 0.15, 0.03
_CHUNK = 5_000
_POINTS = 120
_SCRIPT = "#!/bin/bash\n#SBATCH --gpus=1\n"
_CONFIG = {"model_name_or_path": "tiny-qwen2", "stage": "sft", "finetuning_type": "lora", "dataset": "identity"}
_RESOURCES = {"cluster": "lab", "partition": "gpu", "nodes": 1, "time_limit": "08:00:00"}
_FAILURE = {
    "code": "cuda_out_of_memory",
    "message": "the GPU's memory did not hold the batch: 79.1 of 80 GiB were in use",
    "hint": "halve per_device_train_batch_size and double gradient_accumulation_steps",
    "evidence": ["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.32 GiB."],
    "retry": {"config": {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 16}},
}


@dataclass(frozen=True)
class MadeUpLab:
    """Tokens of people with different roles, and ids of jobs to look at."""

    administrator_token: str
    member_token: str
    running_job: str | None
    failed_job: str | None
    succeeded_job: str | None


def make_up(session: Session, jobs: int, now: datetime) -> MadeUpLab:
    """Fill a migrated database with so many jobs."""
    chance = random.Random(jobs)  # noqa: S311 - the same lab each time
    administrator = make_user(session, name="root-admin", is_administrator=True)
    people = [make_user(session, name=name) for name in PEOPLE]
    _teams(session, people, administrator)
    session.add(_cluster(now))
    make_limit(session, LimitKind.GPUS, 8, team="speech")
    if jobs:
        make_dataset(session, people[0], name="ja-en-pairs", report={}, created_at=now - timedelta(days=3))
    rows = [_job(number, jobs, chance.choice(people), chance, now) for number in range(jobs)]
    for start in range(0, jobs, _CHUNK):
        session.connection().execute(insert(Job), rows[start : start + _CHUNK])
    places = spread([row for row in rows if row["status"] is JobStatus.RUNNING])
    shown = {status: next((row for row in reversed(rows) if row["status"] is status), None) for status in JobStatus}
    for row in (row for row in rows[-400:] if row["attempt"]):
        _add_run(
            session,
            row,
            chance,
            places.get(row["id"]),
            with_curve=row in shown.values() or row["status"] is JobStatus.RUNNING,
        )
    add_people_things(session, people, administrator, now)
    session.flush()

    def id_of(status: JobStatus) -> str | None:
        row = shown[status]
        return row["id"] if row is not None else None

    tokens = (make_token(session, administrator), make_token(session, people[0]))
    return MadeUpLab(*tokens, *map(id_of, (JobStatus.RUNNING, JobStatus.FAILED, JobStatus.SUCCEEDED)))


def _teams(session: Session, people: list[User], administrator: User) -> None:
    make_team(session, "mt", *people[1:3], leads=(people[0],), shares=3)
    make_team(session, "speech", *people[3:6], shares=2)
    make_team(session, "vision", *people[6:], administrator, shares=1)


def _cluster(now: datetime) -> ClusterRow:
    nodes = [
        {
            "name": f"gpu{number:02d}",
            "partitions": ["gpu"],
            "state": "mixed" if number < 13 else "idle",
            "is_usable": number != 15,
            "cpus": 64,
            "memory_mb": 512_000,
            "gpus": 8,
            "gpus_in_use": 8 if number < 12 else 3 if number == 12 else 0,
            "gpu_types": {"a100": 8},
        }
        for number in range(16)
    ]
    partitions = [{"name": "gpu", "is_default": True, "max_time_seconds": 172_800, "state": "UP"}]
    return ClusterRow(
        name="lab",
        lease_owner="worker",
        lease_token=1,
        lease_expires_at=now + timedelta(days=365),
        reached_at=now,
        snapshot={"partitions": partitions, "nodes": nodes, "slurm_version": "24.11.5"},
        snapshot_at=now,
        commands={
            "commands": 1234,
            "transfers": 40,
            "connections": 2,
            "commands_last_minute": 14,
            "connections_last_minute": 0,
            "breaker_open": False,
            "cycle_seconds": 0.83,
        },
    )


def _job(number: int, count: int, owner: User, chance: random.Random, now: datetime) -> dict[str, Any]:
    status = _status(number, count, chance)
    age_seconds = (count - number) * (40.0 if count <= 1000 else 400.0) + 60
    at, gpus = now - timedelta(seconds=age_seconds), chance.choice((1, 1, 2, 4, 8))
    has_begun = status in (JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.FAILED)
    waits = status in (JobStatus.QUEUED, JobStatus.PENDING)
    row: dict[str, Any] = {
        "id": new_id("job"),
        "name": f"{chance.choice(NAMES)} {number}",
        "kind": chance.choice(("train", "train", "train", "predict", "export")),
        "status": status,
        "status_reason": "others come first" if waits else None,
        "owner_id": owner.id,
        "team_id": owner.default_team_id,
        "job_class": chance.choice(("normal", "normal", "normal", "urgent", "scavenger")),
        "cluster": "lab",
        "partition": "gpu",
        "gpus": gpus,
        "limit_seconds": 8 * 3600,
        "priority": 0,
        "config": _CONFIG,
        "resources": {**_RESOURCES, "gpus_per_node": gpus},
        "request_sha256": "0" * 64,
        "version": 3,
        "attempt": int(has_begun or status is JobStatus.PENDING),
        "slurm_job_id": 1000 + number if has_begun or status is JobStatus.PENDING else None,
        "slurm_reason": "Resources" if status is JobStatus.PENDING else None,
        "queued_at": at if waits else None,
        "created_at": at,
        "updated_at": at,
        "submitted_at": at if has_begun else None,
        "started_at": at + timedelta(seconds=20) if has_begun else None,
        "finished_at": None,
        "failure": _FAILURE if status is JobStatus.FAILED else None,
        "result": {"train_loss": 1.21} if status is JobStatus.SUCCEEDED else None,
        **_progress(status, age_seconds, chance, now),
    }
    if status in ENDED:
        row["finished_at"] = at + timedelta(seconds=min(age_seconds, 3000.0) * chance.uniform(0.3, 0.9))
    return row


def _status(number: int, count: int, chance: random.Random) -> JobStatus:
    part = (count - 1 - number) / max(count, 1) if count <= 1000 else (count - 1 - number) / 1000
    if part < _HELD:
        return JobStatus.HELD
    if part < _HELD + _WAITING:
        return chance.choice((JobStatus.QUEUED,) * 5 + (JobStatus.PENDING,))
    if part < _HELD + _WAITING + _RUNNING or count == 1:
        return JobStatus.RUNNING
    ended = (JobStatus.SUCCEEDED, JobStatus.SUCCEEDED, JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)
    return chance.choice(ended)


def _progress(status: JobStatus, age_seconds: float, chance: random.Random, now: datetime) -> dict[str, Any]:
    nothing = (
        "current_steps total_steps percentage epoch loss eval_loss learning_rate tokens_per_second elapsed_seconds "
        "eta_seconds eta_low_seconds eta_high_seconds expected_end_at observed_at"
    )
    values: dict[str, Any] = dict.fromkeys(nothing.split())
    if status is not JobStatus.RUNNING:
        return values
    part, total = chance.uniform(0.02, 0.97), 1200
    left = age_seconds / part * (1 - part)
    return values | {
        "current_steps": int(total * part),
        "total_steps": total,
        "percentage": round(100 * part, 2),
        "epoch": round(3 * part, 2),
        "loss": round(_loss(part, chance), 4),
        "eval_loss": round(_loss(part, chance) + 0.1, 4),
        "learning_rate": 1e-4 * (1 - part),
        "tokens_per_second": chance.uniform(2_000, 20_000),
        "elapsed_seconds": age_seconds,
        "eta_seconds": left,
        "eta_low_seconds": left * 0.85,
        "eta_high_seconds": left * 1.3,
        "expected_end_at": now + timedelta(seconds=left),
        "observed_at": now,
    }


def _add_run(
    session: Session, row: dict[str, Any], chance: random.Random, nodes: str | None, *, with_curve: bool
) -> None:
    """Attempt, texts, events; for some the curve, the log and artifacts too."""
    job_id, at = row["id"], row["created_at"]
    values = {"token": new_id("tok"), "missing_polls": 0, "nodes": nodes, "slurm_job_id": row["slurm_job_id"]}
    attempt = Attempt(job_id=job_id, number=1, created_at=at, submitted_at=at, started_at=row["started_at"], **values)
    attempt.finished_at = row["finished_at"]
    session.add(attempt)
    session.flush()
    session.add(AttemptTexts(job_id=job_id, attempt=1, script=_SCRIPT, config_yaml="stage: sft\n"))
    for type_, message in (("job.created", "asked for"), ("job.queued", "it waits"), (f"job.{row['status']}", "")):
        session.add(JobEvent(job_id=job_id, at=at, type=type_, message=message or row["status"].value, data={}))
    if with_curve:
        _add_curve(session, row, chance)


def _add_curve(session: Session, row: dict[str, Any], chance: random.Random) -> None:
    job_id, total = row["id"], row["current_steps"] or 1200
    points = [dict(point) for point in _points(row, total, chance)]
    session.connection().execute(insert(MetricPoint), points)
    lines = "".join(f"step {point['step']}: {point['values']}\n" for point in points[:40])
    for stream in ("stdout", "stderr"):
        content = f"{lines}{stream} of the run <b>not bold</b>\n".encode()
        session.add(LogChunk(job_id=job_id, attempt=1, stream=stream, offset_bytes=0, content=content))
    for path, size_bytes in (("adapter_model.safetensors", 41_943_040), ("checkpoint-500/trainer_state.json", 9_100)):
        session.add(Artifact(job_id=job_id, path=path, size_bytes=size_bytes, modified_at=row["created_at"]))


def _points(row: dict[str, Any], total: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    for number in range(1, _POINTS + 1):
        part = number / _POINTS
        step, at = max(int(total * part), number), row["created_at"] + timedelta(seconds=number * 10)
        common = {"job_id": row["id"], "attempt": 1, "step": step, "at": at, "epoch": round(3 * part, 3)}
        values = {"loss": round(_loss(part, chance), 4), "learning_rate": 1e-4 * (1 - part)}
        yield {**common, "kind": "train", "values": values}
        if number % 12 == 0:
            yield {**common, "kind": "eval", "values": {"eval_loss": round(_loss(part, chance) + 0.08, 4)}}


def _loss(part: float, chance: random.Random) -> float:
    return 0.9 + 1.8 * math.exp(-4 * part) + chance.gauss(0, 0.05)
