"""Exactly once, under faults that really happen (tests/chaos); `make chaos` does ten times as many trials."""

import secrets
from collections import Counter
from pathlib import Path

import pytest

from container.steps import say
from tests.chaos.campaign import Plan, run, table
from tests.chaos.crew import CLUSTERS, hired
from tests.chaos.faults import all_faults
from tests.chaos.house import READY_SECONDS, until
from tests.chaos.same_key import TIMES, send_at_once, serving

TRIALS = 20
ROUNDS = 3


def test_every_accepted_job_is_in_slurm_once(tmp_path: Path) -> None:
    done = run(Plan(TRIALS, secrets.randbelow(1_000_000), kinds=all_faults()), tmp_path)
    say(table(done))
    assert len(done) == TRIALS


def test_a_key_sent_fifty_times_at_once_makes_one_job(tmp_path: Path, database_url: str) -> None:
    with serving(tmp_path / "serving", database_url) as (url, token):
        for number in range(ROUNDS):
            answers = send_at_once(url, token, f"key-{number}")
            assert len({job_id for _, job_id in answers}) == 1, answers
            assert Counter(status for status, _ in answers) == {201: 1, 200: TIMES - 1}


@pytest.mark.parametrize("size", [2, 5])
def test_workers_share_the_clusters(tmp_path: Path, database_url: str, size: int) -> None:
    with hired(tmp_path / "crew", database_url, size) as crew:
        stopped = crew.busiest()
        before = sum(driver == stopped for driver in crew.leases().values())
        crew.freeze(stopped)
        try:
            crew.all_driven(but_by=stopped)
        finally:
            stopped.thaw()
        until("lost lease", lambda: crew.lost_leases(stopped) >= before or None, READY_SECONDS)
        crew.busiest().kill()
        assert len(crew.all_driven()) == CLUSTERS
