"""Files by OpenAI's own client: uploaded, listed, read, deleted, and what is wrong with bad ones."""

import io
import json
import socket
from typing import Any

import httpx
import openai as sdk
import pytest
from openai import OpenAI
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Clock, make_dataset, make_job
from tests.server.openai.conftest import ClientOf
from tests.tuning.datasets.files import alpaca, as_lines, messages
from tuning.datasets.models import Dataset
from tuning.db.engine import transaction
from tuning.jobs.models import Job, MetricPoint
from tuning.jobs.status import JobStatus
from tuning.people.models import User

GOOD = as_lines([messages(), messages(("user", "a"), ("assistant", "b")), messages()])


def test_a_file_goes_up_and_comes_back(openai: OpenAI) -> None:
    made = openai.files.create(file=("chats.jsonl", GOOD), purpose="fine-tune")
    assert (made.bytes, made.filename, made.purpose, made.status) == (
        len(GOOD),
        "chats.jsonl",
        "fine-tune",
        "processed",
    )
    assert openai.files.retrieve(made.id) == made
    assert openai.files.content(made.id).read() == GOOD
    assert openai.files.wait_for_processing(made.id).status == "processed"


def test_a_file_is_a_data_set_of_the_native_api(openai: OpenAI, connection: httpx.Client) -> None:
    made = openai.files.create(file=("chats.jsonl", GOOD), purpose="fine-tune")
    dataset = connection.get(f"/datasets/{made.id.replace('file-', 'ds_')}").json()
    assert (dataset["name"], dataset["owner"], dataset["status"], dataset["rows"]) == (
        "chats.jsonl",
        "ada",
        "ready",
        3,
    )


def test_what_cannot_be_trained_on_is_kept_and_says_why(openai: OpenAI, connection: httpx.Client) -> None:
    bad = b'{"messages": [{"role": "user", "content": "a"}]}\n{"x"\n'
    made = openai.files.create(file=("bad.jsonl", bad), purpose="fine-tune")
    assert (made.status, made.bytes) == ("error", len(bad))
    assert "row 2 (line 2)" in (made.status_details or "")
    assert openai.files.content(made.id).read() == bad
    dataset = connection.get(f"/datasets/{made.id.replace('file-', 'ds_')}").json()
    assert (dataset["status"], dataset["findings"][0]["loc"]) == ("refused", ["file", 2])


def test_a_file_of_one_good_row_is_processed(openai: OpenAI) -> None:
    assert openai.files.create(file=("one.jsonl", as_lines([alpaca()])), purpose="fine-tune").status == "processed"


def test_an_empty_file_is_refused_at_once(openai: OpenAI) -> None:
    with pytest.raises(sdk.BadRequestError) as refused:
        openai.files.create(file=("empty.jsonl", b""), purpose="fine-tune")
    assert (refused.value.param, refused.value.code, refused.value.status_code) == ("file", "invalid", 400)
    assert refused.value.request_id
    assert openai.files.list().data == []


@pytest.mark.parametrize("purpose", ["assistants", "batch", "vision", "user_data", "fine-tune-results", "x"])
def test_other_purposes_are_refused(openai: OpenAI, purpose: Any) -> None:
    with pytest.raises(sdk.BadRequestError) as refused:
        openai.files.create(file=("chats.jsonl", GOOD), purpose=purpose)
    assert refused.value.param == "purpose"


def test_lists_go_on_behind_their_last(openai: OpenAI, clock: Clock) -> None:
    made = []
    for number in range(3):
        clock.advance(1)
        made.append(
            openai.files.create(file=(f"{number}.jsonl", as_lines([alpaca(output=str(number))])), purpose="fine-tune")
        )
    assert [file.id for file in openai.files.list(limit=2)] == [file.id for file in reversed(made)]
    assert [file.id for file in openai.files.list(order="asc", limit=1)] == [file.id for file in made]
    page = openai.files.list(limit=2)
    assert (page.has_more, page.data[-1].id) == (True, made[1].id)
    assert openai.files.list(purpose="batch").data == []


def test_a_cursor_that_was_never_given_out_is_refused(openai: OpenAI) -> None:
    with pytest.raises(sdk.BadRequestError) as refused:
        openai.files.list(after="file-none")
    assert refused.value.param == "after"


@pytest.mark.parametrize("file_id", ["file-none", "ds_none", "x", "file-results-none", "file-%00", "file-" + "a" * 500])
def test_a_wrong_id_is_not_there(openai: OpenAI, file_id: str) -> None:
    for ask in (openai.files.retrieve, openai.files.content, openai.files.delete):
        with pytest.raises(sdk.NotFoundError):
            ask(file_id)


def test_the_file_of_somebody_else_is_not_there(openai: OpenAI, client_of: ClientOf) -> None:
    made = openai.files.create(file=("chats.jsonl", GOOD), purpose="fine-tune")
    bob = client_of("bob")
    assert bob.files.list().data == []
    for ask in (bob.files.retrieve, bob.files.content, bob.files.delete):
        with pytest.raises(sdk.NotFoundError):
            ask(made.id)


def test_a_deleted_file_is_gone(openai: OpenAI) -> None:
    made = openai.files.create(file=("chats.jsonl", GOOD), purpose="fine-tune")
    deleted = openai.files.delete(made.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (made.id, True, "file")
    with pytest.raises(sdk.NotFoundError):
        openai.files.retrieve(made.id)


def test_a_file_that_a_job_waits_for_stays(openai: OpenAI, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        dataset = make_dataset(session, user, job=make_job(session, user))
    with pytest.raises(sdk.BadRequestError) as refused:
        openai.files.delete(dataset.id.replace("ds_", "file-"))
    assert refused.value.code == "conflict"


def test_a_file_is_kept_as_long_as_was_wanted(openai: OpenAI, clock: Clock, sessions: sessionmaker[Session]) -> None:
    made = openai.files.create(
        file=("chats.jsonl", GOOD), purpose="fine-tune", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert made.expires_at == made.created_at + 3600
    clock.advance(3601)
    with pytest.raises(sdk.NotFoundError):
        openai.files.retrieve(made.id)
    openai.files.create(file=("other.jsonl", as_lines([alpaca()])), purpose="fine-tune")
    with transaction(sessions) as session:
        assert session.get_one(Dataset, made.id.replace("file-", "ds_")).deleted_at is not None


@pytest.mark.parametrize("expires_after", [{"anchor": "created_at", "seconds": 60}, {"anchor": "x", "seconds": 3600}])
def test_a_wrong_expiry_is_refused(openai: OpenAI, expires_after: Any) -> None:
    with pytest.raises(sdk.BadRequestError) as refused:
        openai.files.create(file=("chats.jsonl", GOOD), purpose="fine-tune", expires_after=expires_after)
    assert str(refused.value.param).startswith("expires_after")


def test_a_body_that_is_no_form_is_told_in_the_envelope(base_url: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{base_url}/files", headers=headers, json={"purpose": "fine-tune"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")


def test_a_file_that_is_too_large_is_told_in_the_envelope(base_url: str, token: str) -> None:
    url = httpx.URL(base_url)
    head = f"POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {10**15}\r\n"
    with socket.create_connection((url.host, url.port), 30) as connection:
        connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413")
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["error"]["code"] == "too_large"


class TestResultFile:
    @pytest.fixture
    def job(self, sessions: sessionmaker[Session], user: User, clock: Clock) -> Job:
        with transaction(sessions) as session:
            job = make_job(session, user, status=JobStatus.SUCCEEDED, finished_at=clock.now)
            for attempt, step, kind, values in (
                (1, 1, "train", {"loss": 2.5, "learning_rate": 0.1}),
                (1, 2, "train", {"loss": None}),
                (2, 2, "train", {"loss": 1.5, "accuracy": 0.5}),
                (2, 2, "eval", {"eval_loss": 1.25}),
                (2, 3, "train", {"learning_rate": 0.1}),
            ):
                session.add(
                    MetricPoint(job_id=job.id, attempt=attempt, step=step, kind=kind, at=clock.now, values=values)
                )
        return job

    def test_it_has_a_line_for_each_step(self, openai: OpenAI, job: Job) -> None:
        file_id = job.id.replace("job_", "file-results-")
        content = openai.files.content(file_id).read()
        assert content.decode().splitlines() == [
            "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy",
            "1,2.5,,,",
            "2,1.5,0.5,1.25,",
        ]
        file = openai.files.retrieve(file_id)
        assert (file.bytes, file.purpose) == (len(content), "fine-tune-results")

    def test_it_is_deleted_with_its_job_alone(self, openai: OpenAI, job: Job) -> None:
        with pytest.raises(sdk.BadRequestError):
            openai.files.delete(job.id.replace("job_", "file-results-"))

    def test_a_job_that_runs_has_none(self, openai: OpenAI, running_job: Job) -> None:
        with pytest.raises(sdk.NotFoundError):
            openai.files.content(running_job.id.replace("job_", "file-results-"))


def test_a_large_file_goes_through(openai: OpenAI) -> None:
    rows = b"".join(json.dumps(alpaca(output="x" * 1000)).encode() + b"\n" for _ in range(3000))
    made = openai.files.create(file=("large.jsonl", io.BytesIO(rows)), purpose="fine-tune")
    assert (made.bytes, openai.files.content(made.id).read()) == (len(rows), rows)
