"""Large fields of a list are shortened, small ones stay as they are."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.schemas.summaries import shortened
from tests.factories import make_dataset, make_job
from tuning.datasets.status import DatasetStatus
from tuning.db.engine import transaction
from tuning.people.models import User

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=10), inner, max_size=8),
    max_leaves=30,
)
CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}


@given(
    st.one_of(st.text(), st.lists(JSON), st.dictionaries(st.text(), JSON)),
    st.integers(min_value=16, max_value=500),
)
def test_a_field_is_no_larger_than_it_may_be(value: Any, most_bytes: int) -> None:
    short, changed = shortened({"a": value, "b": value}, {"a": most_bytes})
    assert short["b"] is value
    assert len(json.dumps(short["a"])) <= max(most_bytes, 16)
    assert changed == ([] if len(json.dumps(value)) <= most_bytes else ["a"])


def test_first_entries_of_objects_and_last_items_of_lists_are_kept() -> None:
    fields = {"config": {"a": 1, "long": "x" * 100, "b": 2}, "attempts": ["x" * 100, 1, 2], "none": None}
    short, changed = shortened(fields, {"config": 30, "attempts": 30, "none": 30})
    assert short == {"config": {"a": 1, "b": 2}, "attempts": [1, 2], "none": None}
    assert changed == ["config", "attempts"]


def test_a_list_of_large_jobs_is_small_and_one_of_them_is_whole(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    config = {**CONFIG, "lora_target": ["x" * 60] * 900}
    failure = {"code": "x", "message": "m" * 9000, "hint": "h" * 9000, "evidence": ["e" * 300] * 10}
    with transaction(sessions) as session:
        tags = {f"key{number}": "v" * 250 for number in range(50)}
        for _ in range(20):
            job = make_job(session, user, config=config, failure=failure, tags=tags, status_reason="r" * 5000)
    answer = client.get("/api/v1/jobs", params={"limit": 50})
    assert len(answer.content) < 20 * 20_000
    for listed in answer.json()["data"]:
        assert listed["config"] == CONFIG
        assert set(listed["shortened"]) >= {"config", "tags", "status_reason", "failure.evidence", "failure.message"}
    whole = client.get(f"/api/v1/jobs/{job.id}").json()
    assert (whole["config"], whole["tags"], whole["shortened"]) == (config, tags, [])
    assert whole["failure"]["evidence"] == failure["evidence"]


def test_a_list_of_data_sets_has_the_first_findings_only(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    findings = [{"loc": ["file", number], "message": "m" * 300, "hint": None} for number in range(400)]
    with transaction(sessions) as session:
        dataset = make_dataset(session, user)
        dataset.status, dataset.findings = DatasetStatus.REFUSED, findings
    [listed] = client.get("/api/v1/datasets").json()["data"]
    assert (len(listed["findings"]), listed["shortened"]) == (3, ["findings"])
    whole = client.get(f"/api/v1/datasets/{dataset.id}").json()
    assert (len(whole["findings"]), whole["shortened"]) == (400, [])


def test_of_a_usual_job_nothing_is_left_out(client: TestClient) -> None:
    made = client.post("/api/v1/jobs", json={"config": CONFIG, "tags": {"team": "mt"}}).json()
    assert client.get("/api/v1/jobs").json()["data"] == [made]
