"""Models by OpenAI's own client: of the catalogue and of jobs, with slashes and colons in their names."""

import openai as sdk
import pytest
from openai import OpenAI
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_attempt, make_job
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.people.models import LAB_TEAM_ID, User
from tuning.settings import ClusterSettings


@pytest.fixture
def clusters(clusters: dict[str, ClusterSettings]) -> dict[str, ClusterSettings]:
    models = {**clusters["lab"].models, "Qwen/Qwen3-4B": "/shared/models/qwen3"}
    return {"lab": clusters["lab"].model_copy(update={"models": models})}


@pytest.fixture
def job(sessions: sessionmaker[Session], user: User) -> Job:
    """A training that left a model."""
    with transaction(sessions) as session:
        job = make_job(session, user, team_id=LAB_TEAM_ID, status=JobStatus.SUCCEEDED, finished_at=NOON, attempt=1)
        make_attempt(session, job)
    return job


def test_the_list_has_the_catalogue_and_what_jobs_left(openai: OpenAI, job: Job) -> None:
    models = {model.id: model for model in openai.models.list()}
    assert {"tiny-qwen2", "Qwen/Qwen3-4B"} <= models.keys()
    [result] = [model for name, model in models.items() if name.startswith("ft:")]
    assert result.id.endswith(job.id.removeprefix("job_"))
    assert (result.owned_by, result.object) == ("lab", "model")
    assert openai.models.retrieve(result.id) == result


@pytest.mark.parametrize("name", ["tiny-qwen2", "Qwen/Qwen3-4B"])
def test_a_model_is_found_by_its_name(openai: OpenAI, name: str) -> None:
    assert openai.models.retrieve(name).id == name


@pytest.mark.parametrize("name", ["nothing", "a/b/c", "ft:x:y:z:none", "ft:::", "a\u2028b"])
def test_another_name_is_not_there(openai: OpenAI, name: str) -> None:
    for ask in (openai.models.retrieve, openai.models.delete):
        with pytest.raises(sdk.NotFoundError):
            ask(name)


def test_what_a_job_left_is_removed(openai: OpenAI, job: Job) -> None:
    [name] = [model.id for model in openai.models.list() if model.id.startswith("ft:")]
    deleted = openai.models.delete(name)
    assert (deleted.id, deleted.deleted, deleted.object) == (name, True, "model")
    assert not [model for model in openai.models.list() if model.id.startswith("ft:")]


def test_a_model_of_the_catalogue_stays(openai: OpenAI) -> None:
    with pytest.raises(sdk.BadRequestError):
        openai.models.delete("tiny-qwen2")
