"""Models that nobody serves yet: started, waited for, told of."""

from typing import Any

import httpx
import pytest
from openai import BadRequestError, InternalServerError, OpenAI
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_limit
from tests.server.openai.chat.conftest import MODEL, MakeServed
from tests.server.openai.chat.model_server import ModelServerState
from tests.server.openai.chat.test_chat_completions import ask
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.serving.servers import ModelServer
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from tuning.queue.limits.limit import LimitKind


def jobs(sessions: sessionmaker[Session]) -> list[Job]:
    with transaction(sessions) as session:
        return list(session.scalars(select(Job).where(Job.kind == "serve").order_by(Job.created_at)))


def test_the_first_question_starts_the_model_and_is_told_to_come_back(
    openai: OpenAI, sessions: sessionmaker[Session], user: User
) -> None:
    with pytest.raises(InternalServerError, match=f"{MODEL} is not ready yet: job_.* is queued at place 1") as error:
        ask(openai)
    assert error.value.status_code == 503
    assert 5 <= int(error.value.response.headers["retry-after"]) <= 60
    with pytest.raises(InternalServerError):
        ask(openai)
    (job,) = jobs(sessions)
    assert (job.status, job.owner_id) == (JobStatus.QUEUED, user.id)


def test_a_stream_waits_with_comments_and_is_then_answered(
    base_url: str, token: str, make_served: MakeServed, model_server: ModelServerState, sessions: sessionmaker[Session]
) -> None:
    job = make_served()
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "Tell"}]}
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.stream("POST", f"{base_url}/chat/completions", json=body, headers=headers, timeout=60) as answer:
        lines = answer.iter_lines()
        assert next(lines) == f": {MODEL} is not ready yet: it is being loaded ({job.id})"
        make_ready(sessions, job, model_server.port)
        rest = [line for line in lines if line and not line.startswith(":")]
    assert rest[-1] == "data: [DONE]"
    assert '"content": "Once"' in rest[1]


def test_a_server_that_has_just_died_is_waited_for_and_started_again(
    base_url: str, token: str, make_served: MakeServed, model_server: ModelServerState, sessions: sessionmaker[Session]
) -> None:
    dead = make_served(1)
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "Tell"}]}
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.stream("POST", f"{base_url}/chat/completions", json=body, headers=headers, timeout=60) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith(": ")
        end(sessions, dead, JobStatus.FAILED)
        assert any("is queued" in line for line in lines)
    assert [job.status for job in jobs(sessions)].count(JobStatus.QUEUED) == 1


def test_a_server_that_fails_to_start_ends_the_wait_with_its_reason(
    base_url: str, token: str, make_served: MakeServed, sessions: sessionmaker[Session]
) -> None:
    job = make_served()
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "Tell"}]}
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.stream("POST", f"{base_url}/chat/completions", json=body, headers=headers, timeout=60) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith(": ")
        end(sessions, job, JobStatus.FAILED, failure={"message": "the GPU has too little memory"})
        last = [line for line in lines if line.startswith("data: ")][-1]
    assert f"{MODEL} did not start ({job.id}): the GPU has too little memory" in last
    assert len(jobs(sessions)) == 1


def test_what_limits_refuse_is_told_at_once(openai: OpenAI, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        make_limit(session, LimitKind.GPUS, 0, user=user.name)
    with pytest.raises(BadRequestError, match="GPU"):
        ask(openai)
    assert jobs(sessions) == []


def make_ready(sessions: sessionmaker[Session], job: Job, port: int) -> None:
    with transaction(sessions) as session:
        row = session.get_one(ModelServer, job.id)
        row.address, row.port, row.ready_at = "127.0.0.1", port, NOON


def end(sessions: sessionmaker[Session], job: Job, status: JobStatus, failure: dict[str, Any] | None = None) -> None:
    with transaction(sessions) as session:
        row = session.get_one(Job, job.id)
        row.status, row.failure, row.version = status, failure, row.version + 1
