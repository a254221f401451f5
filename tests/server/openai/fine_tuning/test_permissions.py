"""Checkpoint permissions by OpenAI's own client: teams that may use a result."""

from typing import Any

import openai as errors
import pytest
from openai import OpenAI
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, Clock, make_job, make_team, make_user
from tuning.db.engine import transaction
from tuning.jobs.status import JobStatus
from tuning.people.models import User

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def result(sessions: sessionmaker[Session], user: User) -> str:
    """The name of what a job of `user` left."""
    with transaction(sessions) as session:
        job = make_job(session, user, status=JobStatus.SUCCEEDED, finished_at=NOON)
        return f"ft:tiny-qwen2:lab:wmt-ja-en:{job.id.removeprefix('job_')}"


@pytest.fixture
def teams(sessions: sessionmaker[Session]) -> list[str]:
    with transaction(sessions) as session:
        return [make_team(session, name, make_user(session, name=f"of-{name}")).id for name in ("mt", "qa")]


def test_a_result_is_granted_listed_and_taken_back(openai: OpenAI, result: str, teams: list[str], clock: Clock) -> None:
    permissions: Any = openai.fine_tuning.checkpoints.permissions
    made = []
    for team in teams:
        made += permissions.create(result, project_ids=[team])
        clock.advance(1)  # of the same moment, the order is that of their random ids
    assert [each.project_id for each in made] == teams
    assert {each.id for each in permissions.list(result)} == {each.id for each in made}
    assert [each.project_id for each in permissions.list(result, project_id=teams[0])] == teams[:1]
    assert [each.id for each in permissions.list(result, limit=1, order="ascending")] == [each.id for each in made]
    assert permissions.delete(made[0].id, fine_tuned_model_checkpoint=result).deleted
    assert [each.id for each in permissions.list(result)] == [made[1].id]
    with pytest.raises(errors.NotFoundError):
        permissions.delete(made[0].id, fine_tuned_model_checkpoint=result)


def test_several_teams_are_granted_a_result_at_once(openai: OpenAI, result: str, teams: list[str]) -> None:
    permissions: Any = openai.fine_tuning.checkpoints.permissions
    assert [each.project_id for each in permissions.create(result, project_ids=teams)] == teams
    assert {each.project_id for each in permissions.list(result)} == set(teams)


def test_a_project_that_is_none_is_not_found(openai: OpenAI, result: str) -> None:
    with pytest.raises(errors.NotFoundError, match="a project is a team"):
        openai.fine_tuning.checkpoints.permissions.create(result, project_ids=["team_nowhere"])


def test_a_result_that_is_none_is_not_found(openai: OpenAI, teams: list[str]) -> None:
    with pytest.raises(errors.NotFoundError):
        openai.fine_tuning.checkpoints.permissions.create("ft:a:b:c:nowhere", project_ids=teams)
