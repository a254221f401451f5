"""Jobs and data of others, as far as the server lets members see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, make_attempt, make_dataset, make_job, make_limit
from tuning.clusters.lease import ensure_row
from tuning.clusters.models import ClusterRow
from tuning.clusters.sick_nodes import SICK_AFTER, Fault, note_fault
from tuning.db.engine import transaction
from tuning.jobs.models import Job, JobDependency
from tuning.jobs.status import JobStatus
from tuning.jobs.troubles import THE_WHOLE, Step, Subject, note_failure
from tuning.people.models import Team, User
from tuning.queue.limits.limit import LimitKind
from tuning.settings import Settings
from tuning.usage.models import LimitRow

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


@dataclass(frozen=True)
class AtALimit:
    """A job of ray that waits at a limit of everybody, and the run of mia that holds it."""

    waiting: str
    run: str


@pytest.fixture
def at_a_limit(people: People, sessions: sessionmaker[Session]) -> AtALimit:
    with transaction(sessions) as session:
        mia, ray = (session.scalars(select(User).where(User.name == name)).one() for name in ("mia", "ray"))
        mt, rl = (session.scalars(select(Team).where(Team.name == name)).one() for name in ("mt", "rl"))
        make_limit(session, LimitKind.GPUS, 4)
        its: dict[str, Any] = {"gpus": 4, "limit_seconds": 3600, "partition": "gpu"}
        run = make_job(session, mia, team_id=mt.id, status=JobStatus.RUNNING, attempt=1, **its)
        make_attempt(session, run, started_at=NOON)
        return AtALimit(make_job(session, ray, team_id=rl.id, **its).id, run.id)


def test_a_limit_names_the_jobs_that_may_be_seen_and_counts_others(
    people: People, at_a_limit: AtALimit, visible: str
) -> None:
    waits_for = people["ray"].get(f"/api/v1/jobs/{at_a_limit.waiting}/queue").json()["waits_for"]
    limit = people["ray"].get("/api/v1/limits").json()["data"][0]
    assert (waits_for["kind"], waits_for["in_use"], limit["in_use"]) == ("limit", 4, 4)
    held_by = [[each["job_id"] for each in its["held_by"]] for its in (waits_for, limit)]
    if "ray" in SEES[visible]:
        assert held_by == [[at_a_limit.run], [at_a_limit.run]]
        assert f"4 in use by {at_a_limit.run} until" in waits_for["words"]
    else:
        assert held_by == [[], []]
        assert "4 in use by 1 job of others until" in waits_for["words"]


def test_what_would_wait_at_a_limit_is_told_so_before(people: People, at_a_limit: AtALimit, visible: str) -> None:
    body = {"config": CONFIG, "resources": {"gpus_per_node": 1, "time_limit": "01:00:00"}}
    [note] = [each for each in validated(people["ray"], body)["notes"] if "it would wait now" in each]
    assert note.startswith("it would wait now: everybody together may have 4 GPUs at once: 4 in use by ")
    assert (at_a_limit.run in note) == ("ray" in SEES[visible])


def validated(client: TestClient, body: dict[str, object]) -> Any:
    answer = client.post("/api/v1/jobs/validate", json=body).json()
    assert answer["errors"] == []
    return answer


def test_runs_that_end_first_are_named_to_those_who_may_see_them(
    people: People, at_a_limit: AtALimit, visible: str, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        session.execute(delete(LimitRow))
        node = {"name": "n1", "partitions": ["gpu"], "gpus": 4, "gpus_in_use": 4}
        snapshot = {"partitions": [{"name": "gpu", "is_default": True}], "nodes": [node]}
        session.add(ClusterRow(name="lab", snapshot=snapshot, snapshot_at=NOON))
    waits_for = people["ray"].get(f"/api/v1/jobs/{at_a_limit.waiting}/queue").json()["waits_for"]
    sees = "ray" in SEES[visible]
    assert [each["job_id"] for each in waits_for["held_by"]] == ([at_a_limit.run] if sees else [])
    assert ("it waits for 1 job of others to end" in waits_for["words"]) is not sees


def test_awaited_jobs_are_named_to_those_who_may_see_them(
    people: People, at_a_limit: AtALimit, theirs: Theirs, visible: str, sessions: sessionmaker[Session]
) -> None:
    """The job's team may have changed since it was made."""
    with transaction(sessions) as session:
        session.add(JobDependency(job_id=at_a_limit.waiting, depends_on=at_a_limit.run))
    waits_for = people["ray"].get(f"/api/v1/jobs/{at_a_limit.waiting}/queue").json()["waits_for"]
    sees = "ray" in SEES[visible]
    words = at_a_limit.run if sees else "1 job of others"
    assert waits_for["words"] == f"it waits until {words} has succeeded"
    assert [each["job_id"] for each in waits_for["held_by"]] == ([at_a_limit.run] if sees else [])


def test_clusters_name_jobs_in_trouble_to_those_who_may_see_them(
    people: People, theirs: Theirs, visible: str, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        ensure_row(session, "lab")
        note_failure(session, "lab", Step.SUBMIT, Subject.job(theirs.job), KeyError("x"), NOON)
        note_failure(session, "lab", Step.STAGE, Subject(theirs.dataset, (theirs.job,)), KeyError("x"), NOON)
        note_failure(session, "lab", Step.NEWS, THE_WHOLE, KeyError("x"), NOON)
        for at in range(SICK_AFTER):
            note_fault(session, "lab", Fault("n1", theirs.job if at else f"job_{at}", NOON, "the GPU is lost"))
    for who, client in people.items():
        lab = client.get("/api/v1/clusters/lab").json()
        sees = who in SEES[visible]
        assert (theirs.job in str(lab["troubles"])) == (theirs.job in str(lab["sick_nodes"])) == sees, who
        assert (lab["trouble_count"], lab["sick_nodes"][0]["faults"]) == (3, SICK_AFTER)
        steps = {each["step"] for each in lab["troubles"]}
        assert "news" in steps
        sees_all = visible == "everybody" or who == "root"
        assert ("stage" in steps) == sees_all, "whose data it is, is not asked"


def test_what_a_deletion_breaks_is_named_to_those_who_may_see_it(
    people: People, at_a_limit: AtALimit, theirs: Theirs, visible: str, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        session.add(JobDependency(job_id=at_a_limit.waiting, depends_on=theirs.job))
    refused = people["mia"].delete(f"/api/v1/jobs/{theirs.job}")
    words = at_a_limit.waiting if visible == "everybody" else "1 job of others"
    assert (refused.status_code, refused.json()["detail"]) == (409, f"job {theirs.job} is needed by {words}")
