"""Questions to Slurm, from being asked to being forgotten."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON
from tuning.clusters.models import ClusterRow, TrialRow
from tuning.clusters.trials import FORGOTTEN, HOLDS, TrialAnswer, answer_to, ask, can_be_asked, note_answers, unanswered
from tuning.db.engine import transaction

SCRIPT = "#!/bin/bash\n#SBATCH --nodes=1\n"
ANSWER = TrialAnswer(starts_at=NOON + timedelta(hours=1))


def asked(sessions: sessionmaker[Session], script: str = SCRIPT, after: timedelta = timedelta()) -> TrialAnswer | None:
    with transaction(sessions) as session:
        return ask(session, "lab", script, NOON + after)


def answered(sessions: sessionmaker[Session], after: timedelta = timedelta()) -> None:
    with transaction(sessions) as session:
        note_answers(session, "lab", {SCRIPT: ANSWER}, NOON + after)


def open_questions(sessions: sessionmaker[Session]) -> list[str]:
    with sessions() as session:
        return unanswered(session, "lab", 10)


def test_many_who_ask_the_same_are_one_question(sessions: sessionmaker[Session]) -> None:
    assert [asked(sessions), asked(sessions)] == [None, None]
    assert open_questions(sessions) == [SCRIPT]


def test_an_answer_is_for_all_who_ask_the_same_until_it_is_old(sessions: sessionmaker[Session]) -> None:
    asked(sessions)
    answered(sessions)
    assert open_questions(sessions) == []
    assert asked(sessions, after=HOLDS - timedelta(seconds=1)) == ANSWER
    assert asked(sessions, after=HOLDS) is None
    assert open_questions(sessions) == [SCRIPT]


def test_another_cluster_is_another_question(sessions: sessionmaker[Session]) -> None:
    asked(sessions)
    answered(sessions)
    with transaction(sessions) as session:
        assert answer_to(session, "other", SCRIPT) is None
        assert ask(session, "other", SCRIPT, NOON) is None


def test_what_nobody_asks_any_more_is_forgotten(sessions: sessionmaker[Session]) -> None:
    asked(sessions, "#!/bin/bash\n")
    asked(sessions, after=FORGOTTEN)
    answered(sessions, FORGOTTEN + timedelta(seconds=1))
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(TrialRow)) == 1


@pytest.mark.parametrize(
    ("lease_expires_at", "unreachable_since", "expected"),
    [
        (NOON + timedelta(seconds=1), None, True),
        (NOON, None, False),
        (None, None, False),
        (NOON + timedelta(seconds=1), NOON, False),
    ],
    ids=["driven", "left", "never driven", "not reached"],
)
def test_only_a_cluster_that_is_reached_can_be_asked(
    sessions: sessionmaker[Session], lease_expires_at: object, unreachable_since: object, expected: bool
) -> None:
    with transaction(sessions) as session:
        times = {"lease_expires_at": lease_expires_at, "unreachable_since": unreachable_since}
        session.add(ClusterRow(name="lab", lease_token=0, **times))
    with sessions() as session:
        assert can_be_asked(session, "lab", NOON) is expected
        assert not can_be_asked(session, "other", NOON)
