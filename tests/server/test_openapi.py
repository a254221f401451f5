"""The OpenAPI document says what people and generators of clients need."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.testclient import TestClient

from server.api.models.aliases import ModelAliasRequest
from server.api.people.teams import MemberRequest, TeamChange, TeamRequest
from server.api.people.users import UserChange, UserRequest
from server.api.tokens import TokenRequest
from server.document.descriptions import FIELDS, PARAMETERS
from server.document.examples import EXAMPLES
from server.openapi import operations
from server.schemas.upload import UploadCompletionRequest, UploadRequest
from tuning.jobs.data_check.spec import ClusterDataset
from tuning.jobs.request.spec import Cancellation, JobChange, JobRequest, RetryRequest

BODIES: dict[str, type[BaseModel]] = {
    "add_dataset": ClusterDataset,
    "begin_upload": UploadRequest,
    "cancel_job": Cancellation,
    "change_job": JobChange,
    "change_team": TeamChange,
    "change_user": UserChange,
    "clone_job": JobRequest,
    "complete_upload": UploadCompletionRequest,
    "create_job": JobRequest,
    "create_team": TeamRequest,
    "create_token": TokenRequest,
    "create_user": UserRequest,
    "retry_job": RetryRequest,
    "set_member": MemberRequest,
    "set_model_alias": ModelAliasRequest,
    "validate_job": JobRequest,
}


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def fields(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, schema in document["components"]["schemas"].items():
        for field, its in schema.get("properties", {}).items():
            yield name, field, its


def test_names_of_operations_are_short_and_each_is_there_once(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert {"create_job", "list_jobs", "show_job", "cancel_job", "add_dataset", "show_progress"} <= set(names)
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+){0,3}", name)] == []


def test_every_field_and_parameter_is_described(document: dict[str, Any]) -> None:
    undescribed = [f"{name}.{field}" for name, field, its in fields(document) if not its.get("description")]
    assert undescribed == [], "say it in the model, or in server/document/descriptions.py"
    for path, method, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            said = parameter.get("description") or parameter["schema"].get("description")
            assert said, (method, path, parameter["name"])


def test_no_description_is_of_a_field_that_is_not_there(document: dict[str, Any]) -> None:
    there = {(name, field) for name, field, _ in fields(document)}
    assert [(name, field) for name, its in FIELDS.items() for field in its if (name, field) not in there] == []
    named = {each["name"] for _, _, operation in operations(document) for each in operation.get("parameters", ())}
    assert set(PARAMETERS) <= named


def test_every_body_of_json_has_an_example_that_holds(document: dict[str, Any]) -> None:
    with_body = {
        operation["operationId"]
        for _, _, operation in operations(document)
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    }
    assert set(EXAMPLES) == with_body
    for name, model in BODIES.items():
        model.model_validate(EXAMPLES[name])


def test_headers_of_answers_are_declared(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        for status, answer in operation["responses"].items():
            assert "X-Request-Id" in answer["headers"], (method, path, status)
            assert ("Retry-After" in answer["headers"]) == (status in ("429", "503")), (method, path, status)
    progress = document["paths"]["/api/v1/jobs/{job_id}/progress"]["get"]["responses"]
    assert all("ETag" in progress[status]["headers"] for status in ("200", "304"))


def test_the_server_is_named(document: dict[str, Any]) -> None:
    assert document["servers"][0]["url"] == "/"


def test_every_answer_that_says_to_ask_again_says_when(
    anonymous: TestClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(app.state.feed), "is_fresh", False)  # of the class: its own tick would freshen the feed
    answer = anonymous.get("/readyz")
    assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)
