"""Jobs of others on pages, where members see their own alone."""

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, make_job, make_user
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from tuning.settings import Settings
from tuning.usage.models import UsageDay


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"visible_jobs": "own"})


@pytest.fixture
def job_of_bob(sessions: sessionmaker[Session], user: User) -> str:
    with transaction(sessions) as session:
        make_job(session, user, name="of ada", status=JobStatus.RUNNING, attempt=1, started_at=NOON)
        bob = make_user(session, name="bob")
        make_job(session, bob, name="waits of bob", gpus=1)
        return make_job(session, bob, name="of bob", status=JobStatus.RUNNING, attempt=1, started_at=NOON).id


@pytest.mark.usefixtures("job_of_bob")
@pytest.mark.parametrize("path", ["/", "/?q=of", "/?person=bob", "/?status=running", "/compare"])
def test_lists_leave_them_out(signed_in: TestClient, path: str) -> None:
    html = signed_in.get(path).text
    assert "of bob" not in html
    assert "of ada" in html or "person=bob" in path


@pytest.mark.parametrize("path", ["/compare?job={}", "/jobs/{}", "/jobs/{}?attempt=1"])
def test_a_page_of_one_is_not_there(signed_in: TestClient, job_of_bob: str, path: str) -> None:
    assert signed_in.get(path.format(job_of_bob), headers={"Accept": "text/html"}).status_code == 404


def test_use_of_somebody_is_not_told_by_their_name(
    signed_in: TestClient, sessions: sessionmaker[Session], job_of_bob: str
) -> None:
    with transaction(sessions) as session:
        job = session.get_one(Job, job_of_bob)
        place = {"user_id": job.owner_id, "team_id": job.team_id, "cluster": "lab"}
        session.add(UsageDay(**place, day=NOON.date(), gpu_seconds=77 * 3600, jobs=1))
    assert "77.0" in signed_in.get("/people").text
    assert "77.0" not in signed_in.get("/people/bob").text
    assert "77.0" not in signed_in.get("/people/teams/lab").text
