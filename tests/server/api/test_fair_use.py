"""Limits that keep one person from taking what is everybody's: sizes, priorities, places and quotas."""

from contextlib import ExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import make_job
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.request.config_values import MAX_JSON_BYTES, MAX_VALUES
from tuning.people.models import User
from tuning.settings import Settings

CONFIG: dict[str, Any] = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}
ROWS = b'{"instruction": "1+1", "output": "2"}\n'


def refusal(client: TestClient, body: dict[str, Any]) -> dict[str, Any]:
    """The first finding; `validate` says the same."""
    answer = client.post("/api/v1/jobs", json=body)
    assert answer.status_code == 422, answer.text
    errors: list[dict[str, Any]] = answer.json()["errors"]
    assert client.post("/api/v1/jobs/validate", json=body).json()["errors"] == errors
    return errors[0]


class TestAConfiguration:
    @pytest.mark.parametrize(
        ("config", "says"),
        [
            ({"lora_target": ["x"] * (MAX_VALUES + 1)}, "more than 2000 values"),
            ({"run_name": "x" * MAX_JSON_BYTES}, "65536 are allowed"),
            ({f"k{number}": 1 for number in range(MAX_VALUES + 1)}, "more than 2000 values"),
            ({"lr_scheduler_kwargs": {"x" * 40_000: "y" * 40_000}}, "65536 are allowed"),
        ],
        ids=["values", "text", "keys", "nested"],
    )
    def test_is_no_larger_than_it_need_be(self, client: TestClient, config: dict[str, Any], says: str) -> None:
        assert says in refusal(client, {"config": {**CONFIG, **config}})["message"]

    def test_as_yaml_is_no_larger_either(self, client: TestClient) -> None:
        assert refusal(client, {"config_yaml": "#" * 70_000})["loc"] == ["body", "config_yaml"]
        assert "aliases" in refusal(client, {"config_yaml": f"a: &a {'x' * 9000}\nb: [{'*a, ' * 50}]"})["message"]

    def test_does_not_grow_beyond_it_by_changes_either(
        self, client: TestClient, sessions: sessionmaker[Session], user: User
    ) -> None:
        with transaction(sessions) as session:
            job = make_job(session, user, config={**CONFIG, "run_name": "x" * 40_000})
        answer = client.post(f"/api/v1/jobs/{job.id}/clone", json={"config": {"output_dir": "y" * 40_000}})
        assert (answer.status_code, "65536" in answer.json()["detail"]) == (422, True)


class TestAPriority:
    @pytest.mark.parametrize("priority", [101, -101, 1_000_000])
    def test_beyond_the_bounds_is_for_administrators(
        self, client: TestClient, administrator: TestClient, priority: int
    ) -> None:
        body = {"config": CONFIG, "priority": priority}
        assert refusal(client, body)["loc"] == ["body", "priority"]
        assert administrator.post("/api/v1/jobs", json=body).status_code == 201

    @pytest.mark.parametrize("priority", [100, -100, 0])
    def test_within_them_is_for_all(self, client: TestClient, priority: int) -> None:
        assert client.post("/api/v1/jobs", json={"config": CONFIG, "priority": priority}).status_code == 201

    def test_is_changed_within_them_too(self, client: TestClient, administrator: TestClient, running_job: Job) -> None:
        path = f"/api/v1/jobs/{running_job.id}"
        assert client.patch(path, json={"priority": 1000}).status_code == 422
        assert administrator.patch(path, json={"priority": 1000}).status_code == 200
        assert client.patch(path, json={"priority": 1000, "name": "same"}).status_code == 200
        assert client.patch(path, json={"priority": 5}).status_code == 200

    def test_of_a_copied_job_is_taken_over_as_far_as_one_may(
        self, client: TestClient, sessions: sessionmaker[Session], user: User
    ) -> None:
        with transaction(sessions) as session:
            job = make_job(session, user, config=CONFIG, priority=5000)
        assert client.post(f"/api/v1/jobs/{job.id}/clone").json()["priority"] == 100


class TestPlaces:
    @pytest.mark.parametrize("path", ["/events/stream", "/jobs/{id}/events/stream", "/jobs/{id}/logs/stream"])
    def test_for_streams_are_a_persons(
        self,
        client: TestClient,
        administrator: TestClient,
        app: FastAPI,
        settings: Settings,
        running_job: Job,
        path: str,
    ) -> None:
        url = f"/api/v1{path.format(id=running_job.id)}"
        assert client.portal is not None
        client.portal.call(app.state.feed.end_waits)  # streams end with what is there
        with ExitStack() as held:
            for _ in range(settings.streams_per_person):
                held.enter_context(app.state.following.place(running_job.owner_id))
            answer = client.get(url)
            assert (answer.status_code, "retry-after" in answer.headers) == (429, True)
            assert client.get(f"/api/v1/jobs/{running_job.id}/progress?wait=1").status_code == 429
            assert client.get(f"/api/v1/jobs/{running_job.id}/progress").status_code == 200
            assert administrator.get(url).status_code == 200
        for _ in range(settings.streams_per_person + 1):
            assert client.get(url).status_code == 200, "each is given back"

    def test_for_uploads_are_a_persons(
        self, client: TestClient, administrator: TestClient, app: FastAPI, settings: Settings, user: User
    ) -> None:
        with ExitStack() as held:
            for _ in range(settings.uploads_per_person):
                held.enter_context(app.state.uploading.place(user.id))
            assert client.post("/api/v1/datasets", files={"file": ("a.jsonl", ROWS)}).status_code == 429
            assert administrator.post("/api/v1/datasets", files={"file": ("a.jsonl", ROWS)}).status_code == 201
        assert client.post("/api/v1/datasets", files={"file": ("a.jsonl", ROWS)}).status_code == 201


class TestAQuota:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"kept_bytes_per_person": 3 * len(ROWS), "datasets_per_person": 4})

    def test_of_bytes_is_counted_by_content_and_room_is_made_by_deleting(
        self, client: TestClient, administrator: TestClient
    ) -> None:
        def uploaded(rows: bytes) -> Any:
            return client.post("/api/v1/datasets", files={"file": ("a.jsonl", rows)})

        first = uploaded(ROWS * 2)
        assert (first.status_code, uploaded(ROWS * 2).status_code) == (201, 507)
        refused = uploaded(ROWS * 3)
        assert (refused.status_code, "delete data sets" in refused.json()["hint"]) == (507, True)
        assert administrator.post("/api/v1/datasets", files={"file": ("a.jsonl", ROWS * 3)}).status_code == 201
        assert client.delete(f"/api/v1/datasets/{first.json()['id']}").status_code == 204
        assert uploaded(ROWS * 3).status_code == 201
        assert uploaded(b"").status_code == 507

    def test_of_data_sets_is_told(self, client: TestClient) -> None:
        statuses = []
        for number in range(5):
            rows = b'{"text": "%d"}\n' % number
            statuses.append(client.post("/api/v1/datasets", files={"file": ("a.jsonl", rows)}).status_code)
        assert statuses == [201] * 4 + [409]

    def test_a_table_is_counted_as_what_it_unfolds_to(self, client: TestClient) -> None:
        table = b"instruction,output\n" + b"a,b\n" * 6
        assert len(table) < 3 * len(ROWS)
        answer = client.post("/api/v1/datasets", files={"file": ("a.csv", table)})
        assert (answer.status_code, "as it is kept" in answer.json()["detail"]) == (507, True)


def test_an_allow_header_names_all_methods_of_its_path(client: TestClient, app: FastAPI) -> None:
    for path, methods in app.openapi()["paths"].items():
        answer = client.request("OPTIONS", path.replace("{path}", "x").replace("{step}", "3"))
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) >= {method.upper() for method in methods}, path


@pytest.mark.parametrize(
    ("method", "path", "body", "fields"),
    [
        ("PUT", "/secrets/X_API_KEY", {"value": "x", "extra": 1}, "value"),
        ("POST", "/tokens", {"name": "x", "extra_field": 1}, "name, user, tool, team, scopes, expires_at"),
        ("PATCH", "/jobs/job_x", {"xyzzy": 1}, "name, priority, tags"),
        ("POST", "/jobs", {"resources": {"xyzzy": 1}}, "cluster, partition"),
    ],
)
def test_a_hint_names_the_fields_of_its_own_body(
    client: TestClient, method: str, path: str, body: Any, fields: str
) -> None:
    hint = client.request(method, f"/api/v1{path}", json=body).json()["errors"][0]["hint"]
    assert hint.startswith(f"the fields are {fields}")


NOWHERE = ["%00", "a%00b", "%ED%A0%80", "%FF", "a" * 5000, "%0d%0aX", "..%2f..", "%F0%9F%98%80", "%C2%85"]
PLACES = [
    ("DELETE", "/secrets/{}"),
    ("PUT", "/secrets/{}"),
    ("DELETE", "/tokens/{}"),
    ("GET", "/recipes/{}"),
    ("GET", "/clusters/{}"),
    ("GET", "/jobs/{}"),
    ("GET", "/jobs/job_x/artifacts/{}"),
    ("GET", "/datasets/{}"),
    ("GET", "/jobs?q={}"),
    ("GET", "/jobs?owner={}"),
    ("GET", "/jobs?cluster={}"),
    ("GET", "/jobs?tag=a:{}"),
    ("GET", "/jobs?after={}"),
    ("GET", "/datasets?after={}"),
]


@pytest.mark.parametrize(("method", "place"), PLACES)
def test_what_no_database_takes_is_a_clear_refusal_everywhere(client: TestClient, method: str, place: str) -> None:
    for name in NOWHERE:
        body = {"value": "x"} if method == "PUT" else None
        answer = client.request(method, f"/api/v1{place.format(name)}", json=body)
        assert answer.status_code in {200, 404, 422}, (name, answer.text)


def test_a_query_of_any_length_is_not_taken_apart(client: TestClient) -> None:
    answer = client.get("/api/v1/jobs?" + "status=held&" * 2000)
    assert (answer.status_code, answer.headers["content-type"]) == (414, "application/problem+json")
