"""packtrain's order under full demand: teams get their shares, whatever they submit."""

import random

import pytest

from tuning.queue.order import Weights
from tuning.queue.simulation.engine import simulate
from tuning.queue.simulation.policies import FairQueue
from tuning.queue.simulation.trace import Trace, TraceJob
from tuning.queue.waiting_job import Person

GPUS = 16
MEMBERS = {"a": 12, "b": 6, "c": 6, "d": 3, "e": 3}
"""Each has one share, so that the teams are due 40, 20, 20, 10 and 10 percent."""


def demand(jobs_of_each_team: int, seed: int) -> Trace:
    """All at once, so that every team wants more than its share until the smallest has had its last."""
    draw = random.Random(seed)  # noqa: S311
    jobs = [
        TraceJob(
            Person(team, f"{team}{number % members}"), 0.0, draw.choice((1, 1, 2)), draw.choice((600, 1200, 1800)), 3600
        )
        for team, members in MEMBERS.items()
        for number in range(jobs_of_each_team)
    ]
    draw.shuffle(jobs)
    return Trace(jobs, GPUS)


@pytest.mark.parametrize("seed", [1, 2])
def test_teams_have_their_shares_within_two_points_under_full_demand(seed: int) -> None:
    trace = demand(300, seed)
    runs = simulate(trace, FairQueue((job.person for job in trace.jobs), Weights()))
    until = 0.4 * sum(job.gpus * job.run_seconds for job in trace.jobs) / GPUS
    had = dict.fromkeys(MEMBERS, 0.0)
    for run in runs:
        had[run.job.person.team] += run.job.gpus * max(0.0, min(run.ended_at, until) - run.started_at)
    for team, members in MEMBERS.items():
        assert had[team] / sum(had.values()) == pytest.approx(members / sum(MEMBERS.values()), abs=0.02)
