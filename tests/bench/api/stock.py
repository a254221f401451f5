"""A database with as many jobs as a lab has after years: what a page, a look and a POST are measured on."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert, text
from sqlalchemy.orm import Session

from tests.factories import make_token, make_user
from tuning.db.engine import open_sessions, transaction
from tuning.ids import new_id, new_secret
from tuning.jobs.models import Attempt, Job, JobTag
from tuning.jobs.status import JobStatus
from tuning.people.models import SignInWay
from tuning.people.sessions import SignIn, begin_session
from tuning.people.tokens import authenticate

WAITING, RUNNING = 200, 50
"""Of every stock, whatever its size: a queue does not grow with the years."""
OWNERS = 20
TEAMS = ("mt", "speech", "vision", "rl", "ops")
KINDS = ("train", "train", "train", "predict", "export")
NAMES = ("wmt ja-en", "llama3 lora sft", "qwen2 dpo", "tiny probe", "reward model")
END = datetime(2026, 11, 20, tzinfo=UTC)
_CHUNK = 2_000
_SESSION_SECONDS = 36_000.0
_SCRIPT = "#!/bin/bash\n" + "#SBATCH --comment=as-long-as-they-are\n" * 10


@dataclass(frozen=True)
class Stock:
    """What is known of a filled database."""

    token: str
    session: str
    """Text of the session of a browser in which the token's user signed in."""
    owners: tuple[str, ...]


def fill(engine: Engine, count: int) -> Stock:
    """Insert so many jobs, each with two tags, and an attempt unless it waits; one an hour, the newest at END."""
    sessions, chance = open_sessions(engine), random.Random(count)  # noqa: S311 - the same jobs each time
    with transaction(sessions) as session:
        owners = [make_user(session, name=f"user{number}") for number in range(OWNERS)]
        token = make_token(session, owners[0])
        now = datetime.now(UTC)
        sign_in = SignIn(SignInWay.TOKEN, "127.0.0.1", "bench")
        browser = begin_session(session, authenticate(session, token, now), sign_in, now, _SESSION_SECONDS)
        for start in range(0, count, _CHUNK):
            numbers = range(start, min(count, start + _CHUNK))
            _insert(session, [_job(number, count, chance.choice(owners).id, chance) for number in numbers])
    if engine.dialect.name == "postgresql":  # which does so by itself after a while; SQLite never does
        with engine.begin() as connection:
            connection.execute(text("ANALYZE"))
    return Stock(token, browser.text, tuple(owner.name for owner in owners))


def _insert(session: Session, jobs: list[dict[str, Any]]) -> None:
    connection = session.connection()
    connection.execute(insert(Job), jobs)
    connection.execute(insert(JobTag), [tag for job in jobs for tag in _tags(job)])
    if attempts := [_attempt(job) for job in jobs if job["attempt"]]:
        connection.execute(insert(Attempt), attempts)


def _job(number: int, count: int, owner_id: str, chance: random.Random) -> dict[str, Any]:
    at, status = END - timedelta(hours=count - number), _status(number, count, chance)
    return {
        "id": new_id("job"),
        "name": f"{chance.choice(NAMES)} {number}",
        "kind": chance.choice(KINDS),
        "status": status,
        "owner_id": owner_id,
        "cluster": chance.choice(("lab", "old")),
        "priority": chance.choice((0, 0, 0, 5, -5)),
        "config": {"model_name_or_path": "tiny-qwen2", "stage": "sft", "dataset": "identity", "cutoff_len": 2048},
        "resources": {"cluster": "lab", "nodes": 1, "gpus_per_node": 1, "time_limit": "1-00:00:00"},
        "request_sha256": "0" * 64,
        "version": 9,
        "attempt": int(status is not JobStatus.QUEUED),
        "slurm_job_id": number + 1,
        "created_at": at,
        "updated_at": at,
    }


def _status(number: int, count: int, chance: random.Random) -> JobStatus:
    if number >= count - WAITING:
        return JobStatus.QUEUED
    if number >= count - WAITING - RUNNING:
        return JobStatus.RUNNING
    return chance.choice((JobStatus.SUCCEEDED, JobStatus.SUCCEEDED, JobStatus.SUCCEEDED, JobStatus.FAILED))


def _tags(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    place = {"created_at": job["created_at"], "priority": job["priority"]}
    team = TEAMS[job["slurm_job_id"] % len(TEAMS)]
    for key, value in (("team", team), ("run", str(job["slurm_job_id"]))):
        yield {"job_id": job["id"], "key": key, "value": value, **place}


def _attempt(job: dict[str, Any]) -> dict[str, Any]:
    texts = {"script": _SCRIPT, "config_yaml": "stage: sft\n" * 20}
    return {
        "job_id": job["id"],
        "number": 1,
        "token": new_secret(),
        "created_at": job["created_at"],
        "missing_polls": 0,
        "slurm_job_id": job["slurm_job_id"],
        **texts,
    }
