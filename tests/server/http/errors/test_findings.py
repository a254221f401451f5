"""Words for what is wrong in a request: which value, and what was probably meant; never what was sent."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from server.http.errors.findings import from_pydantic
from tuning.jobs.status import JobStatus

STATUSES = ", ".join(list(JobStatus)[:-1])


def told(client: TestClient, method: str, path: str, **sent: Any) -> tuple[str, str | None]:
    """Message and hint of the first finding."""
    answer = client.request(method, f"/api/v1{path}", **sent)
    assert answer.status_code == 422
    first = answer.json()["errors"][0]
    return first["message"], first["hint"]


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("/jobs?status=runing", f"status must be {STATUSES} or cancelled", "did you mean running?"),
        ("/jobs?status=zzz", f"status must be {STATUSES} or cancelled", None),
        ("/jobs?kind=trian", "kind must be", "did you mean train?"),
        ("/jobs?sort=created", "sort must be -created_at, created_at or -priority", "did you mean created_at?"),
        ("/jobs?tag=team=mt", "tag does not have the right form", "key:value, such as team:mt"),
        ("/jobs?q=a%00b", "q does not have the right form", "leave out line breaks"),
    ],
)
def test_a_filter_is_named_and_the_nearest_word_offered(
    client: TestClient, path: str, message: str, hint: str | None
) -> None:
    said, offered = told(client, "GET", path)
    assert said.startswith(message)
    assert (offered or "").startswith(hint or "")
    assert (offered is None) == (hint is None)


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        ({"kind": "trian"}, "kind must be train, export or predict", "did you mean train?"),
        ({"datasets": ["x"]}, "datasets[0] does not have the right form", "ids of data sets"),
        (
            {"tags": {"\u65e5:\u672c": "x"}},
            "\u65e5:\u672c does not have the right form",
            "a tag's key is of any letters",
        ),
        ({"secrets": ["wandb"]}, "secrets[0] does not have the right form", "capital letters"),
        ({"resources": {"partition": "a b"}}, "partition does not have the right form", "letters from a to z"),
        ({"source_job": "7"}, "source_job does not have the right form", "ids of jobs"),
        ({"resources": {"time_limit": 60}}, "time_limit: Input should be a valid string", 'a text: "60" is an hour'),
        ({"resources": {"memory": 64}}, "memory: Input should be a valid string", "a text with its unit"),
        ({"environment": {"a": "b"}}, "a does not have the right form", "names are of capital letters"),
    ],
)
def test_a_field_is_named_and_its_form_told_in_words(
    client: TestClient, body: dict[str, Any], message: str, hint: str
) -> None:
    said, offered = told(client, "POST", "/jobs", json=body)
    assert (said, (offered or "").startswith(hint)) == (message, True)


def test_a_hint_at_fields_is_of_the_body_that_was_sent(client: TestClient) -> None:
    assert told(client, "POST", "/jobs/job_none/cancel", json={"sav": 1}) == (
        "there is no field sav",
        "did you mean save?",
    )
    assert told(client, "PATCH", "/jobs/job_none", json={"resources": {}}) == (
        "there is no field resources",
        "the fields are name, priority, tags",
    )


def test_a_hint_at_fields_has_them_as_requests_do(client: TestClient) -> None:
    hint = told(client, "POST", "/jobs", json={"zzzzzz": 1})[1] or ""
    assert ", class, " in hint
    assert "job_class" not in hint


@given(st.text(max_size=200))
def test_what_was_sent_is_never_among_the_words(sent: str) -> None:
    expected = "'read', 'submit' or 'admin'"
    error = {"loc": ("body", "scopes", 0), "type": "enum", "ctx": {"expected": expected}, "msg": "", "input": sent}
    found = from_pydantic([error], None)[0]
    assert found.message == "scopes[0] must be read, submit or admin"
    assert found.hint in (None, "did you mean read?", "did you mean submit?", "did you mean admin?")


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}]
)
@pytest.mark.parametrize("path", ["/jobs", "/jobs/validate", "/jobs/job_none/cancel", "/tokens"])
def test_a_body_that_is_not_said_to_be_json_is_of_the_wrong_kind(
    client: TestClient, path: str, headers: dict[str, str]
) -> None:
    answer = client.post(f"/api/v1{path}", content=b'{"config": {}}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert "Content-Type: application/json" in answer.json()["hint"]


def test_json_by_another_name_is_json(client: TestClient) -> None:
    for kind in ("application/json; charset=utf-8", "application/merge-patch+json"):
        answer = client.post("/api/v1/jobs", content=b'{"x": 1}', headers={"Content-Type": kind})
        assert answer.json()["detail"] == "there is no field x"


def test_no_body_at_all_is_missing(client: TestClient) -> None:
    assert told(client, "POST", "/jobs") == ("body is missing", None)


def test_a_data_set_of_no_kind_is_told_both_kinds(client: TestClient) -> None:
    answer = client.post("/api/v1/datasets", content=b"[]")
    assert (answer.status_code, answer.headers["connection"]) == (415, "close")
    assert all(word in answer.json()["detail"] for word in ("Content-Type", "multipart/form-data", "application/json"))


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/jobs", "GET, POST"),
        ("/datasets", "GET, POST"),
        ("/jobs/job_none", "GET, PATCH, DELETE"),
        ("/jobs/validate", "GET, POST, PATCH, DELETE"),
    ],
)
def test_a_wrong_method_is_told_every_right_one(client: TestClient, path: str, allowed: str) -> None:
    answer = client.put(f"/api/v1{path}")
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json()["hint"] == f"this path takes {allowed}"


def test_an_unknown_path_is_told_where_the_others_are(client: TestClient) -> None:
    assert "/docs" in client.get("/api/v1/jbos").json()["hint"]
    assert client.get("/api/v1/jobs/job_none").json().get("hint") is None
