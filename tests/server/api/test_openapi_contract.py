"""The OpenAPI document and the server say the same: schemathesis asks every operation what the document allows, and
what it does not."""

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, cast

import pytest
import requests
import schemathesis
from fastapi import FastAPI
from httpx2 import Response
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.main import create_app
from tests.conftest import browse_as
from tests.factories import NOON, make_attempt, make_job, make_limit
from tuning.db.engine import transaction
from tuning.jobs.models import Artifact, LogChunk, MetricPoint
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event
from tuning.people.models import Token, TokenKind, User
from tuning.queue.limits.limit import EACH, LimitKind
from tuning.settings import Settings

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BASE = "http://testserver"
EXAMPLES = 12
"""Of each operation and each mode; the same ones in every run."""


def _document(path: Path) -> dict[str, Any]:
    return create_app(Settings(database_url=f"sqlite:///{path}"), {}).openapi()


DOCUMENT = _document(Path("never-opened.db"))
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
LABELS = [f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods]

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def known(administrator: TestClient, sessions: sessionmaker[Session], user: User) -> dict[str, Any]:
    """Things that are there to be found, by the names that paths use."""
    rows = b'[{"instruction": "1+1", "output": "2"}]'
    dataset = administrator.post("/api/v1/datasets", files={"file": ("sums.json", rows)}).json()
    upload = administrator.post("/api/v1/uploads", json={"name": "sums.json", "size_bytes": 3}).json()
    token = administrator.post("/api/v1/tokens", json={"name": "x"}).json()
    webhook = administrator.post("/api/v1/webhooks", json={"url": "https://hooks.example.org/x"}).json()
    delivery = administrator.post(f"/api/v1/webhooks/{webhook['id']}/test").json()
    browse_as(administrator, sessions, user)
    with transaction(sessions) as session:
        session_id = session.scalars(select(Token.id).where(Token.kind == TokenKind.SESSION)).one()
        job = make_job(session, user, status=JobStatus.SUCCEEDED, attempt=1, current_steps=3, finished_at=NOON)
        make_attempt(session, job)
        record_event(session, job.id, "note", "hello", NOON)
        artifact = Artifact(job_id=job.id, path="checkpoint-3/model.bin", size_bytes=3, modified_at=NOON)
        chunk = LogChunk(job_id=job.id, attempt=1, stream="stdout", offset_bytes=0, content=b"one\ntwo\n")
        point = MetricPoint(job_id=job.id, attempt=1, step=3, kind="train", at=NOON, epoch=1.0, values={"loss": 2.5})
        session.add_all([artifact, chunk, point])
        limit = make_limit(session, LimitKind.GPUS, 8, user=EACH)
    return {
        "job_id": job.id,
        "dataset_id": dataset["id"],
        "token_id": token["id"],
        "session_id": session_id,
        "limit_id": limit.id,
        "webhook_id": webhook["id"],
        "delivery_id": delivery["id"],
        "user_name": user.name,
        "upload_id": upload["id"],
        "number": 1,
        "step": 3,
        "path": artifact.path,
        "team": "lab",
        "model": f"ft:tiny-llama:lab:sums:{job.id.removeprefix('job_')}",
    }


def _existing(known: dict[str, Any], case: Case[Any]) -> dict[str, Any]:
    names = {"/clusters": "lab", "/teams": "lab", "/users": known["user_name"], "/models": known["model"]}
    name = next((name for area, name in names.items() if area in case.path), "lora-sft")
    named = {**known, "name": name}
    return {name: named[name] for name in case.path_parameters}


def _bytes(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text


def _sent(client: TestClient, case: Case[Any]) -> Response:
    request = requests.Request(**case.as_transport_kwargs(base_url=BASE)).prepare()
    return client.request(
        request.method or "",
        request.url or "",
        content=cast(bytes | None, request.body),
        headers={_bytes(name): _bytes(value) for name, value in request.headers.items()},
    )


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("label", LABELS)
def test_every_answer_is_as_the_document_says(
    administrator: TestClient, app: FastAPI, known: dict[str, Any], label: str, mode: GenerationMode
) -> None:
    assert administrator.portal is not None
    administrator.portal.call(app.state.feed.end_waits)  # streams end with what is there
    operation = SCHEMA.find_operation_by_label(label)
    assert operation is not None

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    def ask(case: Case[Any], is_known: bool) -> None:
        if is_known:
            case.path_parameters.update(_existing(known, case))
        answer = _sent(administrator, case)
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"

    # where everything is allowed, nothing can be asked that is not
    with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
        ask()
