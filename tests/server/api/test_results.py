"""Models that jobs left: listed, shown, named as models, kept, shared, removed."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from tests.conftest import speak_for
from tests.factories import NOON, make_dataset, make_job, make_team, make_user
from tuning.db.engine import transaction
from tuning.jobs.models import Artifact
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from tuning.settings import Settings

MODELS = "/api/v1/models"
JOBS = "/api/v1/jobs"
CONFIG = {"model_name_or_path": "/shared/models/tiny-qwen2", "template": "qwen", "dataset": "identity"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Members see what their teams have."""
    return settings.model_copy(update={"visible_jobs": "team"})


@pytest.fixture
def trained(sessions: sessionmaker[Session], user: User) -> str:
    """The name of a model of ada's team mt, with the checkpoint 5."""
    with transaction(sessions) as session:
        ada = session.merge(user)
        mt = make_team(session, "mt", ada)
        values: dict[str, Any] = {"status": JobStatus.SUCCEEDED, "config": CONFIG, "finished_at": NOON}
        job = make_job(session, ada, id="job_x1", team_id=mt.id, result={"train_loss": 0.5}, **values)
        make_dataset(session, ada, id="ds_1", job=job)
        for path, size in (("adapter_model.safetensors", 100), ("checkpoint-5/trainer_state.json", 30)):
            session.add(Artifact(job_id=job.id, path=path, size_bytes=size, modified_at=NOON))
    return "ft:tiny-qwen2:mt:wmt-ja-en:x1"


@pytest.fixture
def bob(anonymous: TestClient, sessions: sessionmaker[Session]) -> TestClient:
    """A member of the team asr."""
    with transaction(sessions) as session:
        bob = make_user(session, name="bob")
        make_team(session, "asr", bob)
    return speak_for(anonymous, sessions, bob)


def names(client: TestClient, **query: Any) -> list[str]:
    """The names of a page."""
    return [model["name"] for model in client.get(MODELS, params=query).json()["data"]]


def audited(administrator: TestClient) -> list[tuple[str, str]]:
    """Actions and subjects in the record of changes, the newest first."""
    entries = administrator.get("/api/v1/audit").json()["data"]
    return [(entry["action"], entry["subject"]) for entry in entries]


def test_catalogue_and_results_are_listed_by_name(client: TestClient, bob: TestClient, trained: str) -> None:
    assert names(client) == ["tiny-qwen2", trained]
    assert names(client, kind="catalogue") == names(bob) == ["tiny-qwen2"]
    assert names(client, kind="result") == names(client, q="wmt") == [trained]
    assert names(client, q="TINY") == ["tiny-qwen2"]
    assert client.get(MODELS, params={"kind": "other"}).status_code == 422
    assert client.get(MODELS, params={"knid": "result"}).status_code == 422


def test_results_come_a_page_at_a_time(client: TestClient, trained: str, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        ada = session.get_one(User, client.get("/api/v1/me").json()["id"])
        make_job(session, ada, status=JobStatus.SUCCEEDED, finished_at=NOON, created_at=NOON.replace(hour=13))
    first = client.get(MODELS, params={"limit": 1}).json()
    assert (len(first["data"]), first["has_more"]) == (2, True)
    assert names(client, limit=1, after=first["next"]) == [trained]


@pytest.mark.parametrize("written", [str, lambda name: name.replace("/", "%2F").replace(":", "%3A")])
def test_a_result_is_shown_with_its_lineage(client: TestClient, trained: str, written: Callable[[str], str]) -> None:
    shown = client.get(f"{MODELS}/{written(trained)}").json()
    assert (shown["name"], shown["kind"], shown["cluster"], shown["owner"], shown["team"]) == (
        trained, "result", "lab", "ada", "mt",
    )  # fmt: skip
    assert shown["path"].endswith("/jobs/job_x1/output")
    assert (shown["is_adapter"], shown["size_bytes"]) == (True, 100)
    assert shown["metrics"] == {"train_loss": 0.5}
    assert shown["not_served"] is None
    assert shown["lineage"]["job_id"] == "job_x1"
    assert (shown["lineage"]["base"], shown["lineage"]["datasets"]) == ("tiny-qwen2", ["ds_1", "identity"])
    checkpoint = client.get(f"{MODELS}/{trained}:ckpt-step-5").json()
    assert (checkpoint["checkpoint"], checkpoint["size_bytes"]) == (5, 30)
    assert checkpoint["path"] == f"{shown['path']}/checkpoint-5"


def test_names_with_slashes_are_found(client: TestClient) -> None:
    assert client.get(f"{MODELS}/Qwen/tiny-qwen2").json()["name"] == "tiny-qwen2"
    assert client.get(f"{MODELS}/Qwen%2Ftiny-qwen2").json()["name"] == "tiny-qwen2"
    for absent in ("absent", "ft:a:b:c:absent", "a%00b", "a//b", "ft:" + "a" * 400):
        assert client.get(f"{MODELS}/{absent}").status_code in (404, 422)


def test_what_a_job_left_is_among_its_fields(client: TestClient, trained: str) -> None:
    assert client.get(f"{JOBS}/job_x1").json()["model"] == trained
    waiting = client.post(JOBS, json={"config": {**CONFIG, "model_name_or_path": "tiny-qwen2"}, "held": True}).json()
    assert waiting["model"] is None


@pytest.mark.parametrize(("suffix", "step"), [("", None), (":ckpt-step-5", 5)])
def test_a_result_named_as_the_model_is_the_source(
    client: TestClient, trained: str, suffix: str, step: int | None
) -> None:
    config = {**CONFIG, "model_name_or_path": f"{trained}{suffix}"}
    made = client.post(JOBS, json={"config": config, "held": True})
    assert made.status_code == 201, made.text
    assert (made.json()["source_job"], made.json()["checkpoint"]) == ("job_x1", step)
    assert "model_name_or_path" not in made.json()["config"]
    told = client.get(f"{JOBS}/{made.json()['id']}/events").json()["data"][0]["data"]["notes"]
    assert told[0].startswith(f"model_name_or_path: {trained}{suffix} is what job_x1 left")


def test_an_alias_is_moved_from_one_result_to_another(
    client: TestClient, administrator: TestClient, trained: str
) -> None:
    body = {"alias": "mt-prod", "model": trained}
    assert client.put(f"{MODELS}/aliases", json=body).json() == {**body, "cluster": "lab"}
    assert client.get(f"{MODELS}/mt-prod").json()["aliases"] == ["mt-prod"]
    config = {**CONFIG, "model_name_or_path": "mt-prod"}
    checked = client.post(f"{JOBS}/validate", json={"config": config}).json()
    assert checked["valid"], checked["errors"]
    moved = {"alias": "mt-prod", "model": f"{trained}:ckpt-step-5"}
    assert client.put(f"{MODELS}/aliases", json=moved).status_code == 200
    assert client.post(JOBS, json={"config": config, "held": True}).json()["checkpoint"] == 5
    assert client.delete(f"{MODELS}/aliases", params={"alias": "mt-prod"}).status_code == 204
    assert client.get(f"{MODELS}/mt-prod").status_code == 404
    actions = [("alias.removed", "mt-prod"), ("alias.set", "mt-prod"), ("alias.set", "mt-prod")]
    assert audited(administrator)[:3] == actions


def test_aliases_of_the_catalogue_stay_the_administrators(
    client: TestClient, administrator: TestClient, trained: str
) -> None:
    assert client.put(f"{MODELS}/aliases", json={"alias": "a", "model": "tiny-qwen2"}).status_code == 403
    assert administrator.put(f"{MODELS}/aliases", json={"alias": "a", "model": "tiny-qwen2"}).status_code == 200
    assert client.put(f"{MODELS}/aliases", json={"alias": "a", "model": trained}).status_code == 403
    assert client.delete(f"{MODELS}/aliases", params={"alias": "a"}).status_code == 403
    for alias in ("tiny-qwen2", "ft:a:b:c:d"):
        assert client.put(f"{MODELS}/aliases", json={"alias": alias, "model": trained}).status_code == 422
    elsewhere = {"alias": "b", "model": trained, "cluster": "other"}
    assert client.put(f"{MODELS}/aliases", json=elsewhere).status_code == 422


def test_others_change_nothing_of_a_result(bob: TestClient, administrator: TestClient, trained: str) -> None:
    assert bob.get(f"{MODELS}/{trained}").status_code == 404
    assert bob.put(f"{MODELS}/{trained}/pin").status_code == 404
    assert administrator.put(f"{MODELS}/{trained}/grants/asr").status_code == 204
    assert bob.get(f"{MODELS}/{trained}").json()["granted_to"] == ["asr"]
    for method, path in (("PUT", "/pin"), ("DELETE", "/pin"), ("PUT", "/grants/asr"), ("DELETE", "")):
        assert bob.request(method, f"{MODELS}/{trained}{path}").status_code == 403
    assert bob.put(f"{MODELS}/aliases", json={"alias": "mine", "model": trained}).status_code == 403


def test_a_granted_team_trains_on_a_result_and_sees_no_more(
    client: TestClient, bob: TestClient, administrator: TestClient, trained: str
) -> None:
    request = {"config": {**CONFIG, "model_name_or_path": trained}, "held": True}
    refused = bob.post(JOBS, json=request)
    assert (refused.status_code, refused.json()["errors"][0]["message"]) == (422, "there is no job job_x1")
    assert client.put(f"{MODELS}/{trained}/grants/absent").status_code == 404
    assert client.put(f"{MODELS}/{trained}/grants/asr").status_code == 204
    assert names(bob, kind="result") == [trained]
    made = bob.post(JOBS, json=request)
    assert (made.status_code, made.json()["source_job"]) == (201, "job_x1")
    assert bob.post(JOBS, json={**request, "source_job": "job_x1", "checkpoint": 5}).status_code == 422
    assert bob.get(f"{JOBS}/job_x1").status_code == 404
    assert client.delete(f"{MODELS}/{trained}/grants/asr").status_code == 204
    assert client.delete(f"{MODELS}/{trained}/grants/asr").status_code == 404
    assert bob.get(f"{MODELS}/{trained}").status_code == 404
    assert audited(administrator)[:2] == [("model.grant_removed", trained), ("model.granted", trained)]


def test_a_pinned_result_is_not_removed(client: TestClient, administrator: TestClient, trained: str) -> None:
    assert client.put(f"{MODELS}/{trained}:ckpt-step-5/pin").status_code == 204
    assert client.get(f"{MODELS}/{trained}:ckpt-step-5").json()["is_pinned"] is True
    assert client.delete(f"{MODELS}/{trained}").status_code == 409
    assert client.delete(f"{JOBS}/job_x1/checkpoints/5").status_code == 409
    assert client.delete(f"{MODELS}/{trained}:ckpt-step-5/pin").status_code == 204
    assert client.delete(f"{MODELS}/{trained}:ckpt-step-5/pin").status_code == 404
    assert client.delete(f"{MODELS}/{trained}").status_code == 202
    assert names(client, kind="result") == []
    assert client.get(f"{JOBS}/job_x1").json()["model"] is None
    assert "removed" in client.get(f"{MODELS}/{trained}").json()["not_served"]
    checkpoint = f"{trained}:ckpt-step-5"
    assert audited(administrator)[:3] == [
        ("model.removed", trained),
        ("model.unpinned", checkpoint),
        ("model.pinned", checkpoint),
    ]


def test_a_result_that_is_needed_or_has_an_alias_is_not_removed(client: TestClient, trained: str) -> None:
    waiting = client.post(JOBS, json={"config": {**CONFIG, "model_name_or_path": trained}, "held": True}).json()
    refused = client.delete(f"{MODELS}/{trained}")
    assert (refused.status_code, waiting["id"] in refused.json()["detail"]) == (409, True)
    assert client.post(f"{JOBS}/{waiting['id']}/cancel").status_code == 200
    assert client.put(f"{MODELS}/aliases", json={"alias": "mt-prod", "model": trained}).status_code == 200
    assert client.delete(f"{MODELS}/mt-prod").status_code == 409
    assert client.delete(f"{MODELS}/aliases", params={"alias": "mt-prod"}).status_code == 204
    assert client.delete(f"{MODELS}/{trained}:ckpt-step-5").status_code == 202
    assert client.delete(f"{MODELS}/{trained}:ckpt-step-5").status_code == 422
    assert client.delete(f"{MODELS}/{trained}").status_code == 202
    assert client.delete(f"{MODELS}/tiny-qwen2").status_code == 422


def test_what_is_not_there_is_not_kept(client: TestClient, trained: str) -> None:
    for path in ("pin", "grants/mt"):
        assert client.put(f"{MODELS}/{trained}:ckpt-step-6/{path}").status_code == 422
        assert client.put(f"{MODELS}/tiny-qwen2/{path}").status_code == 422
    assert client.put(f"{MODELS}/aliases", json={"alias": "a", "model": f"{trained}:ckpt-step-6"}).status_code == 422


def test_a_model_and_another_source_are_refused_together(client: TestClient, trained: str) -> None:
    body = {"config": {**CONFIG, "model_name_or_path": trained}, "source_job": "job_x1", "checkpoint": 5}
    refused = client.post(JOBS, json=body)
    assert (refused.status_code, refused.json()["errors"][0]["loc"]) == (422, ["body", "config", "model_name_or_path"])
