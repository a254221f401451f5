"""A create that OpenAI's client sends again while the first is on its way, on both kinds of database."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import make_dataset
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.people.models import User

ENTRY = {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": {"role_tag": "role"}}
ROUNDS = 5


@pytest.fixture
def file(sessions: sessionmaker[Session], user: User) -> str:
    with transaction(sessions) as session:
        return "file-" + make_dataset(session, user, entry=ENTRY).id.removeprefix("ds_")


@pytest.mark.parametrize("counts", [range(6), (3, 2, 1, 0)], ids=["in order", "the last first"])
def test_all_sendings_at_once_make_one_job(
    client: TestClient, file: str, counts: tuple[int, ...], sessions: sessionmaker[Session]
) -> None:
    def post(number: int, suffix: str) -> str:
        body = {"model": "tiny-qwen2", "training_file": file, "suffix": suffix}
        answer = client.post("/v1/fine_tuning/jobs", json=body, headers={"x-stainless-retry-count": str(number)})
        return str(answer.json().get("id", answer.text))

    with ThreadPoolExecutor(len(counts)) as senders:
        for round_number in range(ROUNDS):
            suffix = f"round {round_number}"
            assert len(set(senders.map(post, counts, [suffix] * len(counts)))) == 1
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == ROUNDS
