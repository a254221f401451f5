"""The series of a run."""

import csv
import io

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.output.growth import Point, save_points

Sessions = sessionmaker[Session]


def save(sessions: Sessions, job: Job, attempt: int, *points: Point) -> None:
    with transaction(sessions) as session:
        save_points(session, {(job.id, attempt): points}, NOON)


def train(step: int, loss: float | None) -> Point:
    return Point(step, "train", step / 10, {"loss": loss, "learning_rate": 0.001})


def test_series_by_name(client: TestClient, sessions: Sessions, running_job: Job) -> None:
    save(sessions, running_job, 1, train(5, 6.2), train(10, 6.1), Point(10, "eval", 1.0, {"eval_loss": 6.0}))
    answer = client.get(f"/api/v1/jobs/{running_job.id}/metrics").json()
    assert answer == {
        "job_id": running_job.id,
        "series": {
            "eval_loss": {"steps": [10], "values": [6.0], "total": 1},
            "learning_rate": {"steps": [5, 10], "values": [0.001, 0.001], "total": 2},
            "loss": {"steps": [5, 10], "values": [6.2, 6.1], "total": 2},
        },
    }


def test_a_later_attempt_overrides_the_steps_that_it_did_again(
    client: TestClient, sessions: Sessions, running_job: Job
) -> None:
    save(sessions, running_job, 1, train(90, 5.73), train(95, 5.70))
    save(sessions, running_job, 2, train(95, 5.71), train(100, 5.6))
    loss = client.get(f"/api/v1/jobs/{running_job.id}/metrics").json()["series"]["loss"]
    assert (loss["steps"], loss["values"]) == ([90, 95, 100], [5.73, 5.71, 5.6])


def test_never_more_points_than_asked_for(client: TestClient, sessions: Sessions, running_job: Job) -> None:
    save(sessions, running_job, 1, *(train(step, -99.0 if step == 333 else float(step)) for step in range(1000)))
    loss = client.get(f"/api/v1/jobs/{running_job.id}/metrics?points=20").json()["series"]["loss"]
    assert len(loss["steps"]) == len(loss["values"]) <= 20
    assert (loss["steps"][0], loss["steps"][-1], loss["total"]) == (0, 999, 1000)
    assert (min(loss["values"]), max(loss["values"])) == (-99.0, 999.0)


def test_a_divergence_is_null(client: TestClient, sessions: Sessions, running_job: Job) -> None:
    save(sessions, running_job, 1, train(5, None))
    assert client.get(f"/api/v1/jobs/{running_job.id}/metrics").json()["series"]["loss"]["values"] == [None]


def test_the_table_has_every_line_of_every_attempt(client: TestClient, sessions: Sessions, running_job: Job) -> None:
    save(sessions, running_job, 1, *(train(step, float(step)) for step in range(4500)))
    save(sessions, running_job, 2, train(7, 1.5), Point(7, "eval", 0.7, {"eval_loss": None}))
    answer = client.get(f"/api/v1/jobs/{running_job.id}/metrics.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header == ["attempt", "step", "kind", "at", "epoch", "eval_loss", "learning_rate", "loss"]
    assert [int(row[1]) for row in rows] == [*range(4500), 7, 7]
    assert rows[-2:] == [
        ["2", "7", "eval", "2026-11-21T12:00:00Z", "0.7", "", "", ""],
        ["2", "7", "train", "2026-11-21T12:00:00Z", "0.7", "", "0.001", "1.5"],
    ]


def test_a_job_without_points_has_an_empty_table(client: TestClient, running_job: Job) -> None:
    assert client.get(f"/api/v1/jobs/{running_job.id}/metrics").json()["series"] == {}
    assert client.get(f"/api/v1/jobs/{running_job.id}/metrics.csv").text == "attempt,step,kind,at,epoch\n"


@pytest.mark.parametrize("points", ["4", "10001", "x"])
def test_bad_numbers_of_points_are_refused(client: TestClient, running_job: Job, points: str) -> None:
    assert client.get(f"/api/v1/jobs/{running_job.id}/metrics?points={points}").status_code == 422


@pytest.mark.parametrize(
    "name", ["metrics", "metrics.csv", "events", "logs", "artifacts", "archive", "events/stream", "logs/stream"]
)
def test_a_missing_job_and_a_missing_token(
    client: TestClient, anonymous: TestClient, running_job: Job, name: str
) -> None:
    """Everything that follows a job."""
    assert client.get(f"/api/v1/jobs/job_missing/{name}").status_code == 404
    assert client.get(f"/api/v1/jobs/nonsense/{name}").status_code == 404
    assert anonymous.get(f"/api/v1/jobs/{running_job.id}/{name}").status_code == 401
