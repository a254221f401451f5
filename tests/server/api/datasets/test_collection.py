"""Data sets over HTTP: up, looked at, down."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.main import create_app
from tests.conftest import speak_for
from tests.factories import Clock, make_dataset, make_job, make_user
from tests.tuning.datasets.archive.archives import as_zip
from tests.tuning.datasets.check.row_cases import BROKEN_FILES, BROKEN_LINES
from tests.tuning.datasets.files import alpaca, as_lines, messages, ranked, sharegpt
from tuning.db.engine import transaction
from tuning.people.models import User
from tuning.settings import ClusterSettings, Settings

PATH = "/api/v1/datasets"
GOOD = as_lines([messages(), messages(("user", "a"), ("assistant", "b"), ("user", "c")), messages()])


def test_an_upload_answers_with_the_data_set_and_where_it_is(client: TestClient) -> None:
    answer = _upload(client, GOOD, name="chats")
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{PATH}/{made['id']}"
    shown = {
        key: made[key]
        for key in ("object", "name", "owner", "format", "purpose", "rows", "kept", "dropped", "size_bytes")
    }
    assert shown == {
        "object": "dataset",
        "name": "chats",
        "owner": "ada",
        "format": "sharegpt",
        "purpose": "sft",
        "rows": 3,
        "kept": 2,
        "dropped": 1,
        "size_bytes": len(GOOD),
    }
    assert client.get(answer.headers["location"]).json() == made


def test_a_content_is_found_by_its_hash(client: TestClient) -> None:
    made = _upload(client, GOOD, name="chats").json()
    _upload(client, as_lines([alpaca()]))
    sha256 = hashlib.sha256(GOOD).hexdigest()
    assert [each["id"] for each in client.get(PATH, params={"sha256": sha256}).json()["data"]] == [made["id"]]
    assert client.get(PATH, params={"sha256": sha256.upper()}).status_code == 422


def test_lists_are_searched_by_name_and_owner(client: TestClient, administrator: TestClient) -> None:
    ours, theirs = (_upload(who, GOOD, name="chats").json()["id"] for who in (client, administrator))
    _upload(client, GOOD, name="other")

    def found(**query: str) -> list[str]:
        return [each["id"] for each in client.get(PATH, params=query).json()["data"]]

    assert found(q="CHAT") == [theirs, ours] or found(q="CHAT") == [ours, theirs]
    assert found(q="chat", owner="ada") == [ours]


@pytest.mark.parametrize(
    ("query", "message"),
    [({"owner": "nobody"}, "there is no user nobody"), ({"onwer": "ada"}, "there is no field onwer")],
)
def test_a_wrong_filter_is_refused(client: TestClient, query: dict[str, str], message: str) -> None:
    answer = client.get(PATH, params=query)
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (422, message)


def test_a_table_says_from_what_it_was_made(client: TestClient) -> None:
    made = _upload(client, b"prompt;completion\na;b\n").json()
    assert (made["made_from"], made["purpose"], made["rows"]) == ("csv", "sft", 1)
    assert client.get(f"{PATH}/{made['id']}/report").json()["made_from"] == "csv"
    assert client.get(f"{PATH}/{made['id']}/preview").json()["rows"][0]["value"] == {"prompt": "a", "completion": "b"}


def test_an_archive_brings_rows_and_their_media(client: TestClient) -> None:
    row = messages(("user", "<image>What?"), ("assistant", "A cup."), images=["cups/1.jpg"])
    packed = as_zip({"rows.jsonl": as_lines([row]), "cups/1.jpg": b"jpg"})
    made = _upload(client, packed, name="cups").json()
    assert (made["media_files"], made["rows"], made["format"]) == (1, 1, "sharegpt")
    shown = client.get(f"{PATH}/{made['id']}/preview").json()["rows"][0]["value"]
    assert shown["images"][0].endswith("/cups/1.jpg")
    refused = _upload(client, as_zip({"rows.jsonl": as_lines([row])}))
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
    assert "not there (cups/1.jpg)" in refused.json()["errors"][0]["message"]


def test_an_entry_says_which_columns_are_read(client: TestClient) -> None:
    entry = {"columns": {"prompt": "ja", "response": "en"}}
    made = _upload(client, b'{"ja": "a", "en": "b"}\n', entry=json.dumps(entry)).json()
    assert (made["purpose"], made["kept"]) == ("sft", 1)


@pytest.mark.parametrize("entry", ["{", "[]", '{"columns": {"promt": "a"}}', '{"columns": {"prompt": "absent"}}'])
def test_an_entry_that_does_not_fit_is_refused(client: TestClient, entry: str) -> None:
    answer = _upload(client, as_lines([alpaca()]), entry=entry)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][:2] == ["body", "entry"]


def test_a_configuration_names_an_upload(client: TestClient) -> None:
    made = _upload(client, GOOD, name="support chats").json()
    config = {"model_name_or_path": "tiny-qwen2", "template": "qwen", "dataset": made["id"]}
    job = client.post("/api/v1/jobs", json={"config": config}).json()
    assert (job["config"]["dataset"], job["datasets"]) == (made["id"], [made["id"]])


BROKEN = [
    *[content for content, _ in BROKEN_FILES],
    *[as_lines([alpaca()]) + line + b"\n" for line, _ in BROKEN_LINES],
    as_lines([alpaca()]) + "日本語\n".encode("shift-jis"),
    as_lines([alpaca()]) + as_lines([alpaca()]).decode().encode("utf-16"),
    as_lines([alpaca()]) + b"\xef\xbb\xbf" + as_lines([alpaca()]),  # two files joined, each with its mark
    b'{"a": ' * 50_000,
    as_lines([alpaca(output=["half way"])]) + as_lines([alpaca()]),
    as_lines([messages(("user", [{"type": "text", "text": "a"}]), ("assistant", [{"type": "text", "text": "b"}]))]),
]


@pytest.mark.parametrize("content", BROKEN)
def test_every_broken_file_is_answered_with_what_is_wrong(
    client: TestClient, settings: Settings, content: bytes
) -> None:
    answer = _upload(client, content)
    assert answer.status_code == 422
    assert all(error["message"] for error in answer.json()["errors"])
    assert [path.name for path in settings.data_dir.rglob("*") if path.is_file()] == [".lock"]


@pytest.mark.parametrize("content", [b"PAR1 and nothing", b"a,b\n1\n", b"a,b\n\xff,\xfe\n", b"a,b\n", b",\n"])
def test_a_broken_table_is_refused(client: TestClient, settings: Settings, content: bytes) -> None:
    answer = _upload(client, content)
    assert (answer.status_code, answer.json()["errors"][0]["loc"][:2]) == (422, ["body", "file"])
    assert [path.name for path in settings.data_dir.rglob("*") if path.is_file()] == [".lock"]


def test_the_name_is_by_default_the_files(client: TestClient) -> None:
    answer = client.post(PATH, files={"file": ("../日英 pairs.v2.jsonl", GOOD)})
    assert answer.json()["name"] == "日英 pairs.v2"


def test_the_file_lies_under_its_content_and_nowhere_else(client: TestClient, settings: Settings) -> None:
    sha256 = _upload(client, GOOD).json()["sha256"]
    _upload(client, GOOD)
    folder = settings.data_dir / "datasets"
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    assert files == [folder / sha256[:2] / f"{sha256[2:]}.jsonl"]
    assert files[0].read_bytes() == GOOD


def test_the_report_says_which_rows_are_dropped_and_why(client: TestClient) -> None:
    made = _upload(client, GOOD).json()
    report = client.get(f"{PATH}/{made['id']}/report").json()
    (problem,) = report["problems"]
    assert (problem["reason"], problem["outcome"], problem["rows"]) == ("ends_with_user", "dropped", 1)
    assert problem["places"] == [{"row": 2, "line": 2, "detail": ""}]
    assert report["characters"]["histogram"]


def test_the_report_counts_what_is_longer_than_a_cutoff(client: TestClient) -> None:
    path = f"{PATH}/{_upload(client, as_lines([alpaca(output='x' * 1000), alpaca()])).json()['id']}/report"
    answer = client.get(path, params={"cutoff_len": 512}).json()
    assert answer["truncation"] == {
        "cutoff_len": 512,
        "unit": "characters",
        "rows_at_least": 1,
        "rows_at_most": 1,
    }
    assert client.get(path).json()["truncation"] is None
    assert client.get(path, params={"cutoff_len": 0}).status_code == 422


def test_a_report_of_the_first_release_is_shown(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    old = {"encoding": "json", "format": "alpaca", "rows": 1, "kept": 1, "dropped": 0, "problems": [], "columns": []}
    old |= {"unused_columns": [], "characters": {"total": 1, "longest": 1, "histogram": [{"up_to": 1, "rows": 1}]}}
    with transaction(sessions) as session:
        made = make_dataset(session, user, report=old).id
    assert client.get(f"{PATH}/{made}/report").json()["purpose"] == "sft"
    assert client.get(f"{PATH}/{made}").json()["made_from"] is None


def test_a_refused_file_is_answered_with_its_lines(client: TestClient, settings: Settings) -> None:
    answer = _upload(client, as_lines([sharegpt(), sharegpt(("human", None), ("gpt", "a"))]) + b"{\n")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["loc"] for error in answer.json()["errors"]] == [["body", "file", 2], ["body", "file", 3]]
    assert all(error["hint"] for error in answer.json()["errors"])
    assert [path.name for path in settings.data_dir.rglob("*") if path.is_file()] == [".lock"]
    assert client.get(PATH).json()["data"] == []


def test_a_wanted_format_is_held(client: TestClient) -> None:
    assert _upload(client, GOOD, format="sharegpt").status_code == 201
    assert _upload(client, GOOD, format="alpaca").json()["errors"][0]["loc"] == ["body", "format"]
    assert _upload(client, GOOD, format="openai").json()["errors"][0]["loc"] == ["body", "format"]


def test_a_wanted_purpose_is_held(client: TestClient) -> None:
    rows = as_lines([{**ranked(), "output": "Good morning."}])
    assert _upload(client, rows).json()["purpose"] == "ranking"
    assert _upload(client, rows, purpose="sft").json()["purpose"] == "sft"
    assert _upload(client, rows, purpose="kto").json()["errors"][0]["loc"] == ["body", "purpose"]
    assert _upload(client, rows, purpose="dpo").json()["errors"][0]["loc"] == ["body", "purpose"]


@pytest.mark.parametrize("name", ["a\nb", "a\x00b", "x" * 201])
def test_a_bad_name_is_refused(client: TestClient, name: str) -> None:
    answer = _upload(client, GOOD, name=name)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["body", "name"])


@pytest.mark.parametrize("name", ["'; DROP TABLE datasets; --", '$(reboot) | `id` "', "🦙 <b>", "../../etc/passwd"])
def test_any_other_name_is_only_a_name(client: TestClient, name: str) -> None:
    made = _upload(client, GOOD, name=name).json()
    assert client.get(f"{PATH}/{made['id']}").json()["name"] == name


def test_no_form_at_all_is_refused(client: TestClient) -> None:
    assert client.post(PATH, content=GOOD, headers={"Content-Type": "application/json"}).status_code == 422
    assert client.post(PATH).status_code == 422


def test_an_upload_that_breaks_off_leaves_nothing(client: TestClient, settings: Settings) -> None:
    body = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + GOOD
    answer = client.post(PATH, content=body, headers={"Content-Type": "multipart/form-data; boundary=XX"})
    assert answer.status_code == 422
    assert "broke off" in answer.json()["detail"]
    assert [path.name for path in settings.data_dir.rglob("*") if path.is_file()] == [".lock"]


def test_too_large_a_file_is_refused_while_it_comes(
    database_url: str,
    tmp_path: Path,
    clusters: dict[str, ClusterSettings],
    clock: Clock,
    sessions: sessionmaker[Session],
    user: User,
) -> None:
    settings = Settings(database_url=database_url, data_dir=tmp_path / "data", max_upload_bytes=1000)
    with TestClient(create_app(settings, clusters, clock=clock)) as anonymous:
        client = speak_for(anonymous, sessions, user)
        answer = _upload(client, as_lines([alpaca()] * 1000))
    assert answer.status_code == 413
    assert "limit of 1000 bytes" in answer.json()["detail"]
    assert [path.name for path in settings.data_dir.rglob("*") if path.is_file()] == [".lock"]


def test_nothing_is_received_from_a_stranger(anonymous: TestClient, settings: Settings) -> None:
    assert _upload(anonymous, GOOD).status_code == 401
    assert anonymous.get(PATH).status_code == 401
    assert not (settings.data_dir / "datasets").exists()


def test_the_list_goes_on_where_it_ended(client: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        made = {make_dataset(session, user, report={"rows": 1, "kept": 1, "dropped": 0}).id for _ in range(3)}
    first = client.get(PATH, params={"limit": 2}).json()
    last = client.get(PATH, params={"limit": 2, "after": first["next"]}).json()
    assert {each["id"] for each in first["data"] + last["data"]} == made
    assert (first["has_more"], last["has_more"], last["next"]) == (True, False, None)


@pytest.mark.parametrize("after", ["ds_missing", "nonsense", "\x00"])
def test_a_wrong_cursor_is_refused(client: TestClient, after: str) -> None:
    assert client.get(PATH, params={"after": after}).status_code == 422


@pytest.mark.parametrize("dataset_id", ["ds_missing", "%00", "job_1", "ds_" + "a" * 100])
def test_what_is_not_there_is_not_found(client: TestClient, dataset_id: str) -> None:
    for method, path in [("GET", ""), ("GET", "/report"), ("GET", "/preview"), ("DELETE", "")]:
        assert client.request(method, f"{PATH}/{dataset_id}{path}").status_code == 404


def test_all_see_a_data_set_and_its_owner_deletes_it(
    client: TestClient, anonymous: TestClient, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        other = make_user(session, name="grace")
    other_client = speak_for(anonymous, sessions, other)
    path = f"{PATH}/{_upload(client, GOOD).json()['id']}"
    assert other_client.get(path).status_code == 200
    assert other_client.delete(path).status_code == 403
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_the_content_of_a_deleted_data_set_leaves_the_disk(client: TestClient, settings: Settings) -> None:
    first, other = _upload(client, GOOD).json(), _upload(client, as_lines([alpaca()])).json()
    for path in (settings.data_dir / "datasets").rglob("*.jsonl"):
        os.utime(path, (0, 0))
    assert client.delete(f"{PATH}/{first['id']}").status_code == 204
    (left,) = (settings.data_dir / "datasets").rglob("*.jsonl")
    assert left.stem == other["sha256"][2:]
    assert client.get(f"{PATH}/{other['id']}/preview").status_code == 200


def test_an_upload_makes_room_first(client: TestClient, settings: Settings) -> None:
    made = _upload(client, GOOD).json()
    client.delete(f"{PATH}/{made['id']}")
    (path,) = (settings.data_dir / "datasets").rglob("*.jsonl")
    os.utime(path, (0, 0))
    _upload(client, as_lines([alpaca()]))
    assert not path.exists()


def test_a_content_that_has_gone_is_told(client: TestClient, settings: Settings) -> None:
    made = _upload(client, GOOD).json()
    for path in (settings.data_dir / "datasets").rglob("*.jsonl"):
        path.unlink()
    assert client.get(f"{PATH}/{made['id']}/preview").status_code == 404


def test_an_administrator_deletes_anybodys(client: TestClient, administrator: TestClient) -> None:
    path = f"{PATH}/{_upload(client, GOOD).json()['id']}"
    assert administrator.delete(path).status_code == 204


def test_a_data_set_in_use_is_not_deleted(client: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        dataset = make_dataset(session, user, job=make_job(session, user))
    answer = client.delete(f"{PATH}/{dataset.id}")
    assert answer.status_code == 409
    assert "have not ended" in answer.json()["detail"]


def test_the_openapi_document_states_the_form(app: FastAPI) -> None:
    upload = app.openapi()["paths"][PATH]["post"]
    assert "multipart/form-data" in upload["requestBody"]["content"]
    assert upload["security"] == [{"HTTPBearer": ["submit"]}]
    assert {"201", "401", "413", "422", "507"} <= set(upload["responses"])
    assert "dataset_info" not in json.dumps(upload)


def test_an_upload_holds_no_session_while_it_arrives(client: TestClient, sessions: sessionmaker[Session]) -> None:
    """Else a few slow uploads would take all connections of the database."""
    held: list[int] = []
    pool = client.app.state.sessions.kw["bind"].pool  # type: ignore[attr-defined]  # the engine of the app

    def body() -> Iterator[bytes]:
        yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for line in GOOD.splitlines(keepends=True):
            held.append(pool.checkedout())
            yield line
        yield b"\r\n--XX--\r\n"

    answer = client.post(PATH, content=body(), headers={"Content-Type": "multipart/form-data; boundary=XX"})
    assert answer.status_code == 201
    assert held == [0, 0, 0]


def _upload(client: TestClient, content: bytes, **fields: str) -> Any:
    return client.post(PATH, files={"file": ("data.jsonl", content)}, data=fields)
