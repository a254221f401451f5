"""Models and data of others on the chat page, where members see their own alone."""

from dataclasses import dataclass

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.conftest import browse_as
from tests.factories import NOON, make_dataset, make_team, make_user
from tests.server.dashboard.chat.conftest import MakeTraining
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.models.grants import add_grant
from tuning.models.names import ResultName
from tuning.people.models import User
from tuning.settings import Settings


@dataclass(frozen=True)
class TwoTeams:
    """People of two teams; a result of one was granted to the other, and one was not."""

    reader: User
    owner: User
    granted: Job
    other: Job


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"visible_jobs": "own"})


@pytest.fixture
def lab(sessions: sessionmaker[Session], make_training: MakeTraining) -> TwoTeams:
    with transaction(sessions) as session:
        reader, owner = make_user(session, name="bob"), make_user(session, name="mei")
        teams = make_team(session, "mt", reader), make_team(session, "speech", owner)
        dataset = make_dataset(session, owner, name="rows-of-speech")
    granted = make_training(owner, (dataset.id,), team_id=teams[1].id)
    with transaction(sessions) as session:
        add_grant(session, ResultName(granted.id), teams[0].id, NOON)
    return TwoTeams(reader, owner, granted, make_training(owner, team_id=teams[1].id))


def test_results_are_offered_where_they_were_granted(
    anonymous: TestClient, sessions: sessionmaker[Session], lab: TwoTeams
) -> None:
    html = browse_as(anonymous, sessions, lab.reader).get("/chat").text
    assert lab.granted.id.removeprefix("job_") in html
    assert lab.other.id.removeprefix("job_") not in html


def test_rows_are_shown_to_those_who_may_see_the_data(
    anonymous: TestClient, sessions: sessionmaker[Session], lab: TwoTeams
) -> None:
    address = f"/chat?model=ft::::{lab.granted.id.removeprefix('job_')}"
    assert "rows-of-speech" not in browse_as(anonymous, sessions, lab.reader).get(address).text
    assert "rows-of-speech" in browse_as(anonymous, sessions, lab.owner).get(address).text
