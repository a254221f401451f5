"""GET logs."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON
from tests.local_transport import LocalTransport
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.output.growth import Position, append_log, save_position
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import transition

Sessions = sessionmaker[Session]


@pytest.fixture
def path(running_job: Job) -> str:
    return f"/api/v1/jobs/{running_job.id}/logs"


def write(sessions: Sessions, job: Job, offset: int, content: bytes, stream: str = "stdout", attempt: int = 1) -> None:
    with transaction(sessions) as session:
        append_log(session, job.id, attempt, stream, offset, content)
        end = offset + len(content)
        save_position(session, job.id, attempt, stream, Position(7, end, end))


def places(answer: object) -> tuple[int, ...]:
    headers = answer.headers  # type: ignore[attr-defined]  # a response of the test client
    return tuple(int(headers[f"x-packtrain-{name}"]) for name in ("offset", "next-offset", "size"))


def test_the_end_by_default(client: TestClient, sessions: Sessions, running_job: Job, path: str) -> None:
    write(sessions, running_job, 0, b"".join(b"line %d\n" % number for number in range(300)))
    answer = client.get(path)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.splitlines() == [f"line {number}" for number in range(100, 300)]
    offset, following, size = places(answer)
    assert (following, size) == (size, offset + len(answer.content))


def test_so_many_lines_of_stderr(client: TestClient, sessions: Sessions, running_job: Job, path: str) -> None:
    write(sessions, running_job, 0, b"one\ntwo\nthree\n", "stderr")
    answer = client.get(path, params={"stream": "stderr", "tail": 1})
    assert (answer.text, places(answer)) == ("three\n", (8, 14, 14))


def test_from_an_offset_on(client: TestClient, sessions: Sessions, running_job: Job, path: str) -> None:
    write(sessions, running_job, 0, b"one\ntwo\n")
    answer = client.get(path, params={"offset": 4})
    assert (answer.text, places(answer)) == ("two\n", (4, 8, 8))
    nothing_new = client.get(path, params={"offset": 8})
    assert (nothing_new.status_code, nothing_new.content, places(nothing_new)) == (200, b"", (8, 8, 8))
    beyond = client.get(path, params={"offset": 100})
    assert (beyond.status_code, beyond.content) == (200, b"")


def test_bytes_that_are_no_text_come_as_they_are(
    client: TestClient, sessions: Sessions, running_job: Job, path: str
) -> None:
    write(sessions, running_job, 0, b"\xff\x00<script>\n")
    answer = client.get(path)
    assert answer.content == b"\xff\x00<script>\n"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_newest_attempt_by_default(client: TestClient, sessions: Sessions, running_job: Job, path: str) -> None:
    write(sessions, running_job, 0, b"first\n", attempt=1)
    write(sessions, running_job, 0, b"second\n", attempt=2)
    with transaction(sessions) as session:
        session.get_one(Job, running_job.id).attempt = 2
    assert client.get(path).text == "second\n"
    assert client.get(path, params={"attempt": 1}).text == "first\n"
    assert client.get(path, params={"attempt": 3}).status_code == 404


def test_a_job_that_has_not_run_has_an_empty_log(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content, places(answer)) == (200, b"", (0, 0, 0))


def test_an_older_range_comes_from_the_cluster(
    client: TestClient, sessions: Sessions, running_job: Job, path: str, root: Path, node: LocalTransport
) -> None:
    folder = root / "jobs" / running_job.id / "1"
    folder.mkdir(parents=True)
    whole = b"".join(b"%06d\n" % number for number in range(10_000))
    (folder / "stdout.log").write_bytes(whole)
    write(sessions, running_job, 60_000, whole[60_000:])
    answer = client.get(path, params={"offset": 7})
    assert answer.content == whole[7:]
    assert places(answer) == (7, 70_000, 70_000)
    assert len(node.commands) == 2, "a look and a transfer"
    assert client.get(path, params={"offset": 65_000}).content == whole[65_000:]
    assert len(node.commands) == 2, "what is kept in the database costs the cluster nothing"


def test_an_older_range_is_not_read_through_a_link(
    client: TestClient, sessions: Sessions, running_job: Job, path: str, root: Path
) -> None:
    home = root.parent / "home"
    home.mkdir()
    (home / "stdout.log").write_bytes(b"a key")
    folder = root / "jobs" / running_job.id
    folder.mkdir(parents=True)
    (folder / "1").symlink_to(home)
    write(sessions, running_job, 60_000, b"late\n")
    answer = client.get(path, params={"offset": 0})
    assert (answer.status_code, "a key" in answer.text) == (403, False)


def test_an_older_range_that_is_gone(client: TestClient, sessions: Sessions, running_job: Job, path: str) -> None:
    write(sessions, running_job, 60_000, b"late\n")
    answer = client.get(path, params={"offset": 0})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_an_unreachable_cluster_is_said_with_its_reason(
    client: TestClient, sessions: Sessions, running_job: Job, path: str, node: LocalTransport
) -> None:
    write(sessions, running_job, 60_000, b"late\n")
    node.is_cut_off = True
    answer = client.get(path, params={"offset": 0})
    assert answer.status_code == 503
    assert "broke" in answer.json()["detail"]
    assert "retry-after" in answer.headers
    assert client.get(path).text == "late\n"


@pytest.mark.parametrize(
    "query",
    ["tail=0", "tail=100001", "offset=-1", "offset=9223372036854775807", "stream=log", "attempt=0", "tail=5&offset=5"],
)
def test_bad_questions_are_refused(client: TestClient, path: str, query: str) -> None:
    answer = client.get(f"{path}?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][0] == "query"


def test_a_stream_ends_with_the_job(client: TestClient, sessions: Sessions, running_job: Job, path: str) -> None:
    write(sessions, running_job, 0, b"one\ntwo\n")
    with transaction(sessions) as session:
        transition(session, session.get_one(Job, running_job.id), JobStatus.SUCCEEDED, "trained", NOON)
    answer = client.get(f"{path}/stream", headers={"Last-Event-ID": "1:4"})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.text == (
        'id: 1:8\nevent: log\ndata: {"stream": "stdout", "attempt": 1, "offset": 4, "text": "two\\n"}\n\n'
        'event: end\ndata: {"status": "succeeded"}\n\n'
    )
    assert '"offset": 0' in client.get(f"{path}/stream").text


@pytest.mark.parametrize("place", ["x", "1", "1:", "1:-1", "1:99999999999999999999"])
def test_a_bad_place_is_refused(client: TestClient, path: str, place: str) -> None:
    assert client.get(f"{path}/stream", headers={"Last-Event-ID": place}).status_code == 422
