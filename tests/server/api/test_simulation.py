"""`POST /queue/simulate`: measures of the order on a workload that is sent, and on a cluster's history."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from server.api import simulation
from tests.factories import NOON, make_job, make_user
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from tuning.queue.order import Weights
from tuning.queue.simulation.compare import compare
from tuning.queue.simulation.swf import read_swf
from tuning.settings import Settings

Sessions = sessionmaker[Session]
TRACE = (Path(__file__).parents[2] / "fixtures/workloads/small.swf").read_text(encoding="utf-8")


@pytest.fixture
def visible(request: pytest.FixtureRequest) -> str:
    """Whose jobs members see."""
    return str(getattr(request, "param", "everybody"))


@pytest.fixture
def settings(settings: Settings, visible: str) -> Settings:
    return settings.model_copy(update={"visible_jobs": visible})


def simulate(client: TestClient, **fields: Any) -> Any:
    return client.post("/api/v1/queue/simulate", json=fields)


def findings(answer: Any) -> list[tuple[list[Any], str]]:
    assert answer.status_code == 422, answer.text
    return [(each["loc"], each["message"]) for each in answer.json()["errors"]]


def test_the_measures_are_those_of_the_command(client: TestClient) -> None:
    answer = simulate(client, trace=TRACE, load=0.9)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    workload = read_swf(TRACE.splitlines()).with_load(0.9)
    measures = compare(workload, Weights()).measures
    assert [each["order"] for each in found["orders"]] == list(measures)
    for each in found["orders"]:
        for name in ("mean_wait_seconds", "jain_index", "share_error", "utilisation", "worst_person_slowdown"):
            assert each[name] == pytest.approx(getattr(measures[each["order"]], name)), name
    people = {job.person for job in workload.jobs}
    assert (found["jobs"], found["people"], found["gpus"]) == (len(workload.jobs), len(people), workload.gpus)
    assert found["load"] == pytest.approx(0.9)


def test_gpus_and_teams_are_those_that_are_asked_for(client: TestClient) -> None:
    """Five people of one group and another's one want two GPUs all the time."""
    line = "1 {at} -1 {run} 1 -1 -1 1 {run} -1 1 {user} {group} -1 -1 -1 -1 -1"
    lines = [line.format(at=60 * place, run=1800, user=place % 6, group=int(place % 6 == 0)) for place in range(120)]
    usual, more, by_team = (
        {each["order"]: each for each in simulate(client, trace="\n".join(lines), **fields).json()["orders"]}
        for fields in ({"gpus": 2}, {"gpus": 8}, {"gpus": 2, "teams": True})
    )
    assert usual["FIFO"] == by_team["FIFO"] != more["FIFO"]
    assert usual["packtrain"]["worst_person_slowdown"] < by_team["packtrain"]["worst_person_slowdown"]


def test_weights_are_those_of_the_settings_but_for_those_that_are_given() -> None:
    of_settings = Weights(half_life_seconds=5, person_share=0.5, overdue_seconds=9)
    asked = simulation.SimulationRequest(history=True, overdue_seconds=0)
    assert asked.weights(of_settings) == Weights(half_life_seconds=5, person_share=0.5, overdue_seconds=0)


@contextmanager
def history(sessions: Sessions, *, gpus: int = 4) -> Iterator[None]:
    """A cluster of GPUs on which two people ran jobs that were submitted a minute apart."""
    snapshot = {
        "partitions": [{"name": "gpu", "is_default": True}],
        "nodes": [{"name": "n1", "partitions": ["gpu"], "gpus": gpus, "gpus_in_use": 0}],
    }
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", snapshot=snapshot, snapshot_at=NOON))
        people = [make_user(session, name=name) for name in ("eve", "fay")]
        for minute in range(6):
            ended(session, people[minute % 2], minute)
        make_job(session, people[0], gpus=2, limit_seconds=7200, started_at=NOON)
        ended(session, people[0], 90, gpus=0)
        ended(session, people[0], 91, gpus=64)
    yield


def ended(session: Session, owner: User, minute: int, gpus: int = 2) -> Job:
    began = NOON + timedelta(minutes=minute)
    its: dict[str, Any] = {"gpus": gpus, "limit_seconds": 7200, "created_at": began, "started_at": began}
    end = began + timedelta(hours=1)
    return make_job(session, owner, status=JobStatus.SUCCEEDED, finished_at=end, tags=None, **its)


def test_the_history_of_a_cluster_is_a_workload(client: TestClient, sessions: Sessions) -> None:
    with history(sessions):
        found = simulate(client, history=True).json()
    assert {name: found[name] for name in ("jobs", "people", "gpus", "left_out")} == {
        "jobs": 6,
        "people": 2,
        "gpus": 4,
        "left_out": 1,
    }
    assert found["days"] == pytest.approx(5 / 1440)
    (fifo,) = (each for each in found["orders"] if each["order"] == "FIFO")
    assert fifo["longest_wait_seconds"] == pytest.approx(2 * 3600 - 4 * 60, abs=120), "two at a time, of an hour"


def test_of_a_long_history_the_newest_jobs_count(
    client: TestClient, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "MOST_JOBS", 3)
    with history(sessions):
        assert simulate(client, history=True, gpus=64).json()["jobs"] == 3


def test_a_cluster_of_which_nothing_is_known_needs_a_number(client: TestClient, sessions: Sessions) -> None:
    with history(sessions, gpus=0):
        assert findings(simulate(client, history=True)) == [(["body", "gpus"], "lab has told of no GPUs yet")]
        assert simulate(client, history=True, gpus=4, cluster="lab").json()["jobs"] == 6


@pytest.mark.parametrize(
    ("fields", "place", "words"),
    [
        ({}, ["body"], "either a trace is sent or the history"),
        ({"trace": TRACE, "history": True}, ["body"], "either a trace is sent or the history"),
        ({"trace": "1 2 3"}, ["body", "trace"], "line 1: 3 fields in place of 18"),
        ({"trace": ""}, ["body", "trace"], "no workload"),
        ({"history": True, "cluster": "moon"}, ["body", "cluster"], "name a cluster that there is"),
        ({"history": True, "gpus": 4}, ["body"], "no workload"),
        ({"trace": TRACE, "load": 0}, ["body", "load"], "greater than 0"),
        ({"trace": TRACE, "half_life_seconds": -1}, ["body", "half_life_seconds"], "greater than or equal to 0"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    client: TestClient, fields: dict[str, Any], place: list[str], words: str
) -> None:
    ((loc, message),) = findings(simulate(client, **fields))
    assert loc == place
    assert words in message


@pytest.mark.parametrize(
    ("bound", "words"), [("MOST_JOBS", "jobs are more than 2"), ("MOST_PEOPLE", "people are more")]
)
def test_a_workload_that_is_too_large_is_refused(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, bound: str, words: str
) -> None:
    monkeypatch.setattr(simulation, bound, 2)
    ((loc, message),) = findings(simulate(client, trace=TRACE))
    assert loc == ["body", "trace"]
    assert words in message


def test_a_body_beyond_the_bound_of_bytes_is_refused(client: TestClient) -> None:
    assert simulate(client, trace=";" * 1_100_000).status_code == 413


def test_a_workload_that_takes_too_long_is_given_up(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "MOST_SECONDS", -1.0)
    ((_, message),) = findings(simulate(client, trace=TRACE))
    assert "takes more than" in message
    monkeypatch.undo()
    assert simulate(client, trace=TRACE).status_code == 200, "its place is free again"


def test_one_runs_at_once(client: TestClient, administrator: TestClient, app: FastAPI, user: User) -> None:
    with app.state.simulating.place(user.id):
        own, others = simulate(client, trace=TRACE), simulate(administrator, trace=TRACE)
    assert [answer.status_code for answer in (own, others)] == [429, 503]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in (own, others))


@pytest.mark.parametrize(("visible", "status"), [("everybody", 200), ("team", 403), ("own", 403)], indirect=["visible"])
def test_members_simulate_where_they_see_all_jobs(client: TestClient, administrator: TestClient, status: int) -> None:
    assert simulate(client, trace=TRACE).status_code == status
    assert simulate(administrator, trace=TRACE).status_code == 200
