"""Uploads in parts over HTTP: begun, gone on with by their content, put together once, cancelled."""

import hashlib
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.main import create_app
from tests.conftest import speak_for
from tests.factories import Clock, make_user
from tests.tuning.datasets.files import as_lines, messages
from tuning.db.engine import transaction
from tuning.settings import ClusterSettings, Settings

PATH = "/api/v1/uploads"
GOOD = as_lines([messages(), messages(("user", "a"), ("assistant", "b")), messages()])
SHA256 = hashlib.sha256(GOOD).hexdigest()
HALVES = (GOOD[:50], GOOD[50:])


def begin(client: TestClient, content: bytes = GOOD, **fields: Any) -> dict[str, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    body = {"name": "chats.jsonl", "size_bytes": len(content), "sha256": sha256, **fields}
    answer = client.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def send(client: TestClient, upload_id: str, number: int, data: bytes) -> Any:
    return client.put(f"{PATH}/{upload_id}/parts/{number}", files={"data": ("part", data)})


def complete(client: TestClient, upload_id: str, **fields: Any) -> Any:
    return client.post(f"{PATH}/{upload_id}/complete", json=fields)


@pytest.fixture
def bob(anonymous: TestClient, sessions: sessionmaker[Session]) -> TestClient:
    with transaction(sessions) as session:
        other = make_user(session, name="bob")
    return speak_for(anonymous, sessions, other)


@pytest.fixture
def left_on_disk(settings: Settings) -> Any:
    """Names of what lies in the folder of parts."""
    folder = settings.data_dir / "datasets" / "incoming" / "parts"
    return lambda: sorted(path.name for path in folder.glob("*/*"))


def test_parts_become_a_data_set_in_the_order_of_their_numbers(client: TestClient, left_on_disk: Any) -> None:
    upload_id = begin(client)["id"]
    assert send(client, upload_id, 2, HALVES[1]).json() == {"number": 2, "size_bytes": len(HALVES[1])}
    assert send(client, upload_id, 1, HALVES[0]).status_code == 200
    answer = complete(client, upload_id)
    made = answer.json()
    assert (answer.status_code, made["sha256"], made["name"], made["rows"]) == (201, SHA256, "chats", 3)
    assert answer.headers["location"] == f"/api/v1/datasets/{made['id']}"
    assert client.get(answer.headers["location"]).json() == made
    assert left_on_disk() == []


def test_the_same_content_goes_on_where_it_was(client: TestClient) -> None:
    first = begin(client)
    assert (first["status"], first["parts"], first["sha256"]) == ("pending", [], SHA256)
    send(client, first["id"], 1, HALVES[0])
    again = begin(client, name="renamed.jsonl")
    assert (again["id"], again["parts"]) == (first["id"], [{"number": 1, "size_bytes": 50}])
    assert begin(client, GOOD + b"\n")["id"] != first["id"]
    assert client.get(f"{PATH}/{first['id']}").json()["parts"] == again["parts"]


def test_without_a_hash_every_upload_is_a_new_one(client: TestClient) -> None:
    assert begin(client, sha256=None)["id"] != begin(client, sha256=None)["id"]


def test_a_part_that_is_sent_again_replaces_its_number(client: TestClient, left_on_disk: Any) -> None:
    upload_id = begin(client)["id"]
    send(client, upload_id, 1, b"x" * 50)
    send(client, upload_id, 2, HALVES[1])
    refused = complete(client, upload_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "another was announced" in refused.json()["detail"]
    assert send(client, upload_id, 1, HALVES[0]).status_code == 200
    assert len(left_on_disk()) == 2
    assert complete(client, upload_id).json()["sha256"] == SHA256


@pytest.mark.parametrize("sent", [{1: HALVES[0]}, {1: HALVES[0], 3: HALVES[1]}, {}])
def test_the_parts_have_to_be_the_whole_file(client: TestClient, sent: dict[int, bytes]) -> None:
    upload_id = begin(client)["id"]
    for number, data in sent.items():
        send(client, upload_id, number, data)
    answer = complete(client, upload_id)
    assert answer.status_code == 409
    assert "numbered from 1 without a gap" in answer.json()["hint"]


def test_no_more_arrives_than_was_announced(client: TestClient, left_on_disk: Any) -> None:
    upload_id = begin(client)["id"]
    too_large = send(client, upload_id, 1, GOOD + b"\n")
    assert (too_large.status_code, too_large.json()["code"]) == (413, "too_large")
    assert left_on_disk() == []
    assert send(client, upload_id, 1, b"").status_code == 422
    send(client, upload_id, 1, GOOD)
    assert send(client, upload_id, 2, b"x").status_code == 409


@pytest.mark.parametrize("number", ["0", "2001", "-1", "x"])
def test_a_number_that_no_part_has_is_refused(client: TestClient, number: str) -> None:
    upload_id = begin(client)["id"]
    assert client.put(f"{PATH}/{upload_id}/parts/{number}", files={"data": b"x"}).status_code == 422


def test_completing_twice_answers_the_same(client: TestClient) -> None:
    upload_id = begin(client)["id"]
    send(client, upload_id, 1, GOOD)
    first, second = complete(client, upload_id), complete(client, upload_id)
    assert (second.status_code, second.json()) == (201, first.json())
    assert len(client.get("/api/v1/datasets").json()["data"]) == 1
    shown = client.get(f"{PATH}/{upload_id}").json()
    assert (shown["status"], shown["dataset_id"]) == ("completed", first.json()["id"])
    assert send(client, upload_id, 1, GOOD).status_code == 409
    assert client.delete(f"{PATH}/{upload_id}").status_code == 409


def test_what_is_bad_is_refused_with_its_lines_and_stays(client: TestClient) -> None:
    content = b'{"ja": "a", "en": "b"}\n'
    upload_id = begin(client, content)["id"]
    send(client, upload_id, 1, content)
    assert complete(client, upload_id).status_code == 422
    unknown = complete(client, upload_id, entry={"columns": {"promt": "ja"}})
    assert (unknown.status_code, unknown.json()["errors"][0]["loc"][:2]) == (422, ["body", "entry"])
    made = complete(client, upload_id, name="pairs", entry={"columns": {"prompt": "ja", "response": "en"}})
    assert (made.status_code, made.json()["name"]) == (201, "pairs")


def test_a_cancelled_upload_takes_nothing(client: TestClient, left_on_disk: Any) -> None:
    upload_id = begin(client)["id"]
    send(client, upload_id, 1, HALVES[0])
    assert client.delete(f"{PATH}/{upload_id}").status_code == 204
    assert left_on_disk() == []
    assert send(client, upload_id, 2, HALVES[1]).status_code == 409
    assert complete(client, upload_id).status_code == 409
    assert begin(client)["id"] != upload_id


def test_an_upload_expires_an_hour_after_its_last_part(client: TestClient, clock: Clock, left_on_disk: Any) -> None:
    upload_id = begin(client)["id"]
    clock.advance(3000)
    send(client, upload_id, 1, HALVES[0])
    clock.advance(3600)
    expired = send(client, upload_id, 2, HALVES[1])
    assert (expired.status_code, "expired" in expired.json()["detail"]) == (409, True)
    assert client.get(f"{PATH}/{upload_id}").json()["status"] == "expired"
    assert begin(client)["parts"] == []
    assert left_on_disk() == []
    assert client.get(f"{PATH}/{upload_id}").status_code == 404


def test_the_upload_of_somebody_else_is_not_there(client: TestClient, bob: TestClient) -> None:
    upload_id = begin(client)["id"]
    assert send(bob, upload_id, 1, GOOD).status_code == 404
    assert complete(bob, upload_id).status_code == 404
    assert bob.get(f"{PATH}/{upload_id}").status_code == 404
    assert bob.delete(f"{PATH}/{upload_id}").status_code == 404
    assert begin(bob)["id"] != upload_id


@pytest.mark.parametrize("upload_id", ["upload_none", "x", "upload_" + "a" * 200, "upload_%00"])
def test_a_wrong_id_is_not_there(client: TestClient, upload_id: str) -> None:
    assert send(client, upload_id, 1, GOOD).status_code == 404
    assert client.get(f"{PATH}/{upload_id}").status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"size_bytes": 0}, "size_bytes"),
        ({"size_bytes": 10**15}, "size_bytes"),
        ({"size_bytes": 10**30}, "size_bytes"),
        ({"sha256": "x"}, "sha256"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"sizebytes": 1}, "sizebytes"),
    ],
)
def test_what_cannot_come_is_refused(client: TestClient, changes: dict[str, Any], field: str) -> None:
    answer = client.post(PATH, json={"name": "a.jsonl", "size_bytes": 10, **changes})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["body", field])


def test_what_is_announced_counts_against_the_quota(
    settings: Settings, clusters: dict[str, ClusterSettings], clock: Clock, sessions: sessionmaker[Session]
) -> None:
    app = create_app(settings.model_copy(update={"kept_bytes_per_person": 1000}), clusters, clock=clock)
    with transaction(sessions) as session:
        user = make_user(session, name="ada")
    with TestClient(app) as anonymous:
        client = speak_for(anonymous, sessions, user)
        begin(client, b"x" * 600)
        answer = client.post(PATH, json={"name": "b.jsonl", "size_bytes": 600})
        assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")


def test_a_reader_uploads_nothing(client: TestClient) -> None:
    token = client.post("/api/v1/tokens", json={"name": "r", "scopes": ["read"]}).json()["token"]
    client.headers["Authorization"] = f"Bearer {token}"
    assert client.post(PATH, json={"name": "a.jsonl", "size_bytes": 10}).status_code == 403
