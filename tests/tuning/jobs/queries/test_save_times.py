"""How long saves take is learned from other jobs that save the same."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_attempt, make_job, make_user
from tuning.db.engine import transaction
from tuning.jobs.queries.save_times import Saved, longest_saves, saved_by
from tuning.jobs.status import JobStatus
from tuning.llamafactory.progress.eta_state import EtaState, to_json
from tuning.people.models import User

MODELS = {"tiny": "/models/tiny", "large": "/models/large"}
TINY, LARGE = Saved("/models/tiny", "lora"), Saved("/models/large", "lora")


def add(session: Session, owner: User, saves: tuple[float, ...] | None, model: str = "tiny", **columns: Any) -> None:
    config = {"model_name_or_path": model, **columns.pop("config", {})}
    job = make_job(session, owner, **{"status": JobStatus.SUCCEEDED, "config": config, **columns})
    make_attempt(session, job, eta_state=to_json(EtaState(saves=saves)) if saves is not None else None)


@pytest.fixture
def found(sessions: sessionmaker[Session]) -> dict[Saved, float]:
    """What is found among jobs of many kinds."""
    with transaction(sessions) as session:
        ada = make_user(session)
        add(session, ada, (3.0, 20.0, 1.0))
        add(session, ada, (8.0,), model="/models/tiny", status=JobStatus.RUNNING)
        add(session, ada, (30.0, 40.0), status=JobStatus.FAILED, config={"finetuning_type": "lora"})
        add(session, ada, (500.0,), config={"finetuning_type": "full"})
        add(session, ada, (600.0,), cluster="other")
        add(session, ada, (700.0,), status=JobStatus.CANCELLED)
        add(session, ada, (800.0,), kind="predict")
        add(session, ada, (), model="large")
        add(session, ada, None, model="large")
    with sessions() as session:
        return longest_saves(session, "lab", {TINY, LARGE}, MODELS)


def test_the_longest_of_all_that_save_the_same_counts(found: dict[Saved, float]) -> None:
    assert found == {TINY: 40.0}


def test_only_recent_jobs_are_looked_at(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        ada = make_user(session)
        add(session, ada, (900.0,), created_at=NOON - timedelta(days=1))
        for nth in range(100):
            add(session, ada, (5.0,), created_at=NOON + timedelta(seconds=nth))
    with sessions() as session:
        assert longest_saves(session, "lab", [TINY], MODELS) == {TINY: 5.0}


def test_the_newest_jobs_are_found_by_an_index(sessions: sessionmaker[Session]) -> None:
    """However many jobs there are."""
    statements: list[tuple[str, Any]] = []
    with sessions() as session:
        bind = session.get_bind()
        event.listen(bind, "before_cursor_execute", lambda *call: statements.append((call[2], call[3])))
        longest_saves(session, "lab", [TINY], MODELS)
        (text, values), explain = (
            statements[0],
            "EXPLAIN" if bind.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN",
        )
        plan = [str(row) for row in session.connection().exec_driver_sql(f"{explain} {text}", values)]
    assert sum("ix_jobs_status_created_at" in row for row in plan) == 3, plan


def test_a_model_is_the_same_by_its_name_and_by_its_path() -> None:
    assert saved_by({"model_name_or_path": "tiny"}, MODELS) == TINY
    assert saved_by({"model_name_or_path": "/models/tiny", "finetuning_type": None}, MODELS) == TINY
    assert saved_by({"model_name_or_path": "org/hub", "finetuning_type": "full"}, MODELS) == Saved("org/hub", "full")
    assert saved_by({"adapter_name_or_path": "/x"}, MODELS) is None
