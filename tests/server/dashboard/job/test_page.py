"""The page of a job, as the server renders it."""

import json
import re
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.conftest import browse_as
from tests.factories import NOON, make_attempt, make_attempt_texts, make_dataset, make_job, make_team, make_user
from tuning.db.engine import transaction
from tuning.jobs.models import Artifact, JobEvent
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from tuning.people.scopes import Scope

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
ADVICE = {"config": {"per_device_train_batch_size": 1}}
FAILURE = {"code": "oom", "message": "no memory left", "hint": "halve it", "evidence": ["OutOfMemoryError"]}


def job(sessions: sessionmaker[Session], user: User, **columns: Any) -> str:
    with transaction(sessions) as session:
        return make_job(session, user, **columns).id


def ended(sessions: sessionmaker[Session], user: User, status: JobStatus, **columns: Any) -> str:
    """A job that ran once."""
    values = {"attempt": 1, "started_at": NOON, "finished_at": NOON, "status": status}
    with transaction(sessions) as session:
        made = make_job(session, user, **{**values, **columns})
        make_attempt(session, made, started_at=NOON, finished_at=NOON)
        make_attempt_texts(session, made, "#!/bin/bash\n", "stage: sft\noutput_dir: /there\n")
        return made.id


def html(browser: TestClient, job_id: str, **headers: str) -> str:
    answer = browser.get(f"/jobs/{job_id}", headers={"Accept": "text/html", **headers})
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize("status", list(JobStatus))
def test_each_status_is_shown_with_its_meaning(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User, status: JobStatus
) -> None:
    meanings = {
        "held": "until it is released",
        "queued": "own queue",
        "submitting": "handed to Slurm",
        "pending": "Slurm has it",
        "running": "runs on the cluster",
        "succeeded": "as it should",
        "failed": "with an error",
        "cancelled": "before it was done",
    }
    assert meanings[status] in html(signed_in, job(sessions, user, status=status))


def test_everything_of_others_is_text(signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    failure = {"code": HOSTILE, "message": HOSTILE, "hint": HOSTILE, "evidence": [HOSTILE], "retry": {HOSTILE: HOSTILE}}
    job_id = ended(
        sessions,
        user,
        JobStatus.FAILED,
        name=HOSTILE,
        status_reason=HOSTILE,
        failure=failure,
        config={HOSTILE: HOSTILE, "tags": [HOSTILE]},
        result={HOSTILE: 1.5},
        environment={"NOTE": HOSTILE},
        tags={"note": HOSTILE},
    )
    with transaction(sessions) as session:
        session.add(Artifact(job_id=job_id, path=f"{HOSTILE}.html", size_bytes=1, modified_at=NOON))
        session.add(JobEvent(job_id=job_id, at=NOON, type="warning", message=HOSTILE, data={}))
    shown = html(signed_in, job_id)
    assert "<script>alert" not in shown
    assert "<img" not in shown
    assert " style=" not in shown
    assert " onclick=" not in shown


def test_a_running_job_tells_its_end_with_bounds(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    known = {"eta_seconds": 600.0, "eta_low_seconds": 300.0, "eta_high_seconds": 1200.0, "percentage": 41.7}
    job_id = job(
        sessions, user, status=JobStatus.RUNNING, attempt=1, started_at=NOON, expected_end_at=NOON, loss=0.5, **known
    )
    shown = html(signed_in, job_id)
    assert "41 %" in shown
    assert "5 min – 20 min" in shown
    assert "2026-11-21 11:55 UTC" in shown
    assert "2026-11-21 12:10 UTC" in shown


def test_a_waiting_job_tells_its_place_and_those_before(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    job(sessions, user, name="the first", gpus=1, queued_at=NOON)
    with transaction(sessions) as session:
        second = make_job(session, user, name="the second", gpus=1, queued_at=NOON, priority=-1).id
    shown = html(signed_in, second)
    assert "Place in the queue" in shown
    assert "1 job is before it" in shown
    assert "the first" in shown


def test_a_failure_is_shown_with_evidence_and_advice(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    shown = html(signed_in, ended(sessions, user, JobStatus.FAILED, failure={**FAILURE, "retry": ADVICE}))
    assert "OutOfMemoryError" in shown
    assert "config.per_device_train_batch_size: 1" in shown
    assert "&#34;per_device_train_batch_size&#34;: 1" in shown


def test_without_advice_a_corrected_job_is_offered(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    job_id = ended(sessions, user, JobStatus.FAILED, failure={**FAILURE, "retry": None})
    shown = html(signed_in, job_id)
    assert "Retry as advised" not in shown
    assert f"/jobs/new?from={job_id}" in shown


def test_additions_of_packtrain_are_marked(signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    shown = html(signed_in, ended(sessions, user, JobStatus.SUCCEEDED, config={"stage": "sft"}))
    assert shown.index("the request") < shown.index("added by packtrain")
    assert "#!/bin/bash" in shown


def test_files_are_downloads(signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    job_id = ended(sessions, user, JobStatus.SUCCEEDED)
    with transaction(sessions) as session:
        for path in ("report.html", "checkpoint-500/trainer_state.json"):
            session.add(Artifact(job_id=job_id, path=path, size_bytes=1500, modified_at=NOON))
    shown = html(signed_in, job_id)
    assert f'href="/api/v1/jobs/{job_id}/artifacts/report.html" download' in shown
    assert 'data-checkpoint="500"' in shown


def test_relatives_are_linked_both_ways(signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    first = ended(sessions, user, JobStatus.SUCCEEDED, name="the training")
    second = job(sessions, user, name="the export", kind="export", source_job=first)
    third = job(sessions, user, name="once more", retry_of=first)
    assert {f"/jobs/{second}", f"/jobs/{third}"} <= set(html(signed_in, first).split('"'))
    assert "the training" in html(signed_in, second)
    assert "the training" in html(signed_in, third)


def test_data_sets_are_linked_by_name(signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        made = make_job(session, user)
        dataset = make_dataset(session, user, job=made, name="pairs").id
    assert f'<a href="/data/{dataset}">pairs</a>' in html(signed_in, made.id)


@pytest.mark.parametrize(("who", "may"), [("owner", True), ("lead", True), ("member", False), ("viewer", False)])
def test_buttons_are_for_those_who_may_press_them(
    anonymous: TestClient, sessions: sessionmaker[Session], user: User, who: str, may: bool
) -> None:
    with transaction(sessions) as session:
        people = {"owner": user, **{name: make_user(session, name=name) for name in ("lead", "member", "viewer")}}
        session.add(user)
        team = make_team(session, "mt", user, people["member"], leads=(people["lead"],))
        job_id = make_job(session, user, team_id=team.id).id
    scope = Scope.READ if who == "viewer" else None
    shown = html(browse_as(anonymous, sessions, people[who], scope=scope), job_id)
    assert (f"POST /api/v1/jobs/{job_id}/cancel" in shown) is may
    assert (f"PATCH /api/v1/jobs/{job_id}" in shown) is may
    assert ("/jobs/new?from=" in shown) is (who != "viewer")


def test_a_job_that_is_not_there_is_a_page_that_says_so(signed_in: TestClient) -> None:
    for job_id in ("job_none", "nonsense", "job_%00"):
        answer = signed_in.get(f"/jobs/{job_id}", headers={"Accept": "text/html"})
        assert answer.status_code == 404
        assert "<h1>" in answer.text


def test_the_script_gets_the_content_alone(signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    job_id = job(sessions, user)
    answer = signed_in.get(f"/jobs/{job_id}", headers={"Accept": "text/html", "X-Fragment": "main"})
    assert "<html" not in answer.text
    assert 'id="state"' in answer.text


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        (JobStatus.HELD, {"release", "clone", "cancel"}),
        (JobStatus.QUEUED, {"hold", "clone", "cancel"}),
        (JobStatus.RUNNING, {"hold", "clone", "cancel", "save-and-cancel"}),
        (JobStatus.FAILED, {"retry", "clone", "delete"}),
    ],
)
def test_buttons_are_those_that_the_status_allows(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User, status: JobStatus, actions: set[str]
) -> None:
    shown = html(signed_in, job(sessions, user, status=status))
    assert set(re.findall(r'id="do-([a-z-]+)"', shown)) == actions


def test_attempts_and_checkpoints_are_marked(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        made = make_job(session, user, status=JobStatus.RUNNING, attempt=2, started_at=NOON)
        make_attempt(session, made, number=1, last_step=450)
        make_attempt(session, made, number=2, resumed_step=400)
        saved = {"type": "checkpoint.saved", "message": "saved", "data": {"step": 500}}
        session.add(JobEvent(job_id=made.id, at=NOON, **saved))
    marks = re.search(r'id="marks">(.*?)</script>', html(signed_in, made.id))
    assert marks is not None
    assert json.loads(marks[1]) == [
        {"x": 400, "kind": "attempt", "number": 2},
        {"x": 500, "kind": "checkpoint", "number": 500},
    ]


def test_content_that_is_shared_has_no_buttons_of_others(
    anonymous: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    job_id = job(sessions, user)
    with transaction(sessions) as session:
        other = make_user(session, name="other")
    wanted = {"X-Fragment": "main"}
    assert 'id="do-cancel"' in html(browse_as(anonymous, sessions, user), job_id, **wanted)
    assert 'id="do-cancel"' not in html(browse_as(anonymous, sessions, other), job_id, **wanted)


@pytest.mark.parametrize(
    ("status", "checkpoint", "addition"),
    [(JobStatus.SUCCEEDED, False, ""), (JobStatus.SUCCEEDED, True, ""), (JobStatus.FAILED, True, "&amp;checkpoint=20")],
)
def test_a_model_that_is_there_can_be_used(
    signed_in: TestClient,
    sessions: sessionmaker[Session],
    user: User,
    status: JobStatus,
    checkpoint: bool,
    addition: str,
) -> None:
    job_id = ended(sessions, user, status)
    if checkpoint:
        with transaction(sessions) as session:
            session.add(Artifact(job_id=job_id, path="checkpoint-20/model.safetensors", size_bytes=1, modified_at=NOON))
    page = html(signed_in, job_id)
    for kind in ("train", "predict"):
        assert f'href="/jobs/new?kind={kind}&amp;source={job_id}{addition}"' in page


@pytest.mark.parametrize(
    "columns", [{"status": JobStatus.FAILED}, {"status": JobStatus.SUCCEEDED, "kind": "predict"}], ids=str
)
def test_without_a_model_there_is_nothing_to_use(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User, columns: dict[str, Any]
) -> None:
    assert "/jobs/new?kind=" not in html(signed_in, ended(sessions, user, **columns))
