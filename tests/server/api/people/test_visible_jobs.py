"""Jobs and data of others, as far as the server lets members see them."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import make_dataset, make_job
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.people.models import Team, User
from tuning.settings import Settings

People = Mapping[str, TestClient]
OF_A_JOB = (
    "",
    "/progress",
    "/events",
    "/metrics",
    "/metrics.csv",
    "/logs",
    "/script",
    "/config",
    "/checkpoints",
    "/artifacts",
    "/artifacts/a.json",
    "/archive",
)
STREAMS = ("/events/stream", "/logs/stream")
OF_DATA = ("", "/report", "/preview")
SEES = {
    "everybody": {"mia", "lea", "ray", "vic", "root", "moe"},
    "team": {"mia", "lea", "root", "moe"},
    "own": {"mia", "lea", "root"},
}
CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity"}


@pytest.fixture(params=SEES)
def visible(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(settings: Settings, visible: str) -> Settings:
    return settings.model_copy(update={"visible_jobs": visible})


@dataclass(frozen=True)
class Theirs:
    """Belongings of mia: a job in the team mt, and a data set."""

    job: str
    dataset: str


@pytest.fixture
def theirs(people: People, sessions: sessionmaker[Session]) -> Theirs:
    with transaction(sessions) as session:
        mia = session.scalars(select(User).where(User.name == "mia")).one()
        mt = session.scalars(select(Team).where(Team.name == "mt")).one()
        job = make_job(session, mia, team_id=mt.id, status=JobStatus.SUCCEEDED, attempt=1)
        return Theirs(job.id, make_dataset(session, mia).id)


@pytest.fixture
def people(people: People, sessions: sessionmaker[Session]) -> People:
    """With moe, who is in the team mt and leads nothing; mia is in no other team, so that `lab` tells nothing."""
    made = people["root"].post("/api/v1/users", json={"name": "moe", "teams": ["mt"]})
    assert made.status_code == 201
    people["root"].delete("/api/v1/teams/lab/members/mia").raise_for_status()
    token = people["root"].post("/api/v1/tokens", json={"name": "x", "user": "moe"}).json()["token"]
    moe = TestClient(people["root"].app, raise_server_exceptions=False, headers={"Authorization": f"Bearer {token}"})
    moe.portal = people["root"].portal
    return {**people, "moe": moe}


def seers(people: People, path: str) -> set[str]:
    """People who are not told that there is no such thing."""
    return {who for who, client in people.items() if client.get(f"/api/v1{path}").status_code != 404}


def test_a_job_is_there_for_those_who_may_see_it(people: People, theirs: Theirs, visible: str) -> None:
    always_missing = ("/artifacts/a.json", "/archive")
    for part in OF_A_JOB:
        expected = set() if part in always_missing else SEES[visible]
        assert seers(people, f"/jobs/{theirs.job}{part}") == expected, part
        assert seers(people, f"/jobs/{theirs.job}{part}") == expected, (part, "from memory")
    for who, client in people.items():
        told = client.get(f"/api/v1/jobs/{theirs.job}/archive").json()["detail"]
        assert (told == f"there is no job {theirs.job}") == (who not in SEES[visible]), who


def test_streams_of_a_job_are_for_those_who_may_see_it(
    people: People, theirs: Theirs, visible: str, app: FastAPI, anonymous: TestClient
) -> None:
    assert anonymous.portal is not None
    anonymous.portal.call(app.state.feed.end_waits)  # or the streams would have no end
    for part in STREAMS:
        assert seers(people, f"/jobs/{theirs.job}{part}") == SEES[visible], part


def test_lists_hold_what_may_be_seen(people: People, theirs: Theirs, visible: str) -> None:
    jobs = {who for who, client in people.items() if theirs.job in client.get("/api/v1/jobs").text}
    data = {who for who, client in people.items() if theirs.dataset in client.get("/api/v1/datasets").text}
    assert (jobs, data) == (SEES[visible], SEES[visible])


def test_a_data_set_is_there_for_those_who_may_see_it(people: People, theirs: Theirs, visible: str) -> None:
    for part in OF_DATA[:2]:
        assert seers(people, f"/datasets/{theirs.dataset}{part}") == SEES[visible], part
    for who, client in people.items():
        detail = client.get(f"/api/v1/datasets/{theirs.dataset}/preview").json()["detail"]
        assert (detail == f"there is no data set {theirs.dataset}") == (who not in SEES[visible])
        refused = client.delete(f"/api/v1/datasets/{theirs.dataset}") if who == "ray" else None
        assert refused is None or refused.status_code == (403 if "ray" in SEES[visible] else 404)


def test_what_may_not_be_seen_may_not_be_used(people: People, theirs: Theirs, visible: str) -> None:
    is_hidden = visible != "everybody"
    for body, missing in (
        ({"config": CONFIG, "depends_on": [theirs.job]}, f"there is no job {theirs.job}"),
        ({"kind": "export", "source_job": theirs.job}, f"there is no job {theirs.job}"),
        ({"config": CONFIG, "datasets": [theirs.dataset]}, f"there is no data set {theirs.dataset}"),
    ):
        answer = people["ray"].post("/api/v1/jobs/validate", json=body).json()
        assert (missing in str(answer["errors"])) == is_hidden, (body, answer)
    for action in ("cancel", "hold", "release", "retry", "clone"):
        status = people["ray"].post(f"/api/v1/jobs/{theirs.job}/{action}").status_code
        assert (status == 404) == is_hidden, action


def test_leads_and_administrators_act_and_others_do_not(
    people: People, theirs: Theirs, visible: str, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        job = session.get_one(Job, theirs.job)
        job.status, job.finished_at = JobStatus.QUEUED, None
    may = {"mia", "lea", "root"}
    for who, client in people.items():
        status = client.patch(f"/api/v1/jobs/{theirs.job}", json={"name": f"by {who}"}).status_code
        expected = 200 if who in may else 403 if who in SEES[visible] or who == "vic" else 404
        assert status == expected, who


def test_the_queue_shows_what_may_be_seen_and_counts_all(
    people: People, sessions: sessionmaker[Session], visible: str
) -> None:
    with transaction(sessions) as session:
        mia = session.scalars(select(User).where(User.name == "mia")).one()
        mt = session.scalars(select(Team).where(Team.name == "mt")).one()
        job_id = make_job(session, mia, team_id=mt.id).id
    for name, client in people.items():
        listed = [entry["job_id"] for entry in client.get("/api/v1/queue").json()["data"]]
        assert listed == ([job_id] if name in SEES[visible] else []), name
        assert client.get(f"/api/v1/jobs/{job_id}/queue").is_success is (name in SEES[visible]), name
