"""The orders that are compared: packtrain's own, and the yardsticks FIFO and EASY."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tuning.queue.backfill import in_turn, startable
from tuning.queue.gpus import Gpus
from tuning.queue.order import Standing, Weights, ordered
from tuning.queue.simulation.engine import Moment, StartedJob
from tuning.queue.standing import PastJobs, RunningUse, TeamShares, fair_standings, with_slowdown, with_use
from tuning.queue.waiting_job import Person, WaitingJob

_ORDER_SECONDS = 60.0
"""So long an order is kept; jobs that come meanwhile stand at its end."""
_STANDING_SECONDS = 300.0
"""So long fair places are kept, as in Slurm."""


class Fifo:
    """First in, first out: nobody passes."""

    name = "FIFO"

    def started(self, job: WaitingJob, now: float) -> None:
        """Nothing is remembered."""

    def ended(self, job: WaitingJob, run: StartedJob, now: float) -> None:
        """Nothing is remembered."""

    def starting(self, moment: Moment) -> Sequence[WaitingJob]:
        """The first ones, as far as the GPUs go."""
        return in_turn(moment.waiting.values(), Gpus(moment.free_gpus))


class Easy(Fifo):
    """First in, first out, and others pass who do not delay the first: EASY backfill."""

    name = "EASY"

    def starting(self, moment: Moment) -> Sequence[WaitingJob]:
        """By the time of submission, with backfill."""
        free = Gpus(moment.free_gpus)
        return startable(list(moment.waiting.values()), moment.running, free, moment.now, largest_pass_first=False)


class FairQueue:
    """packtrain's order, with the same backfill. Each member has one share, and a team as many as members."""

    name = "packtrain"

    def __init__(self, people: Iterable[Person], weights: Weights) -> None:
        self._weights = weights
        self._teams = _teams_of(people)
        self._past: dict[Person, PastJobs] = defaultdict(PastJobs)
        self._running: dict[str, RunningUse] = {}
        self._order: list[WaitingJob] = []
        self._ordered_at = -math.inf
        self._standings: Mapping[Person, Standing] = {}
        self._standings_at = -math.inf

    def started(self, job: WaitingJob, now: float) -> None:
        """Its use counts from now."""
        self._running[job.id] = RunningUse(job.person, job.gpus, now, job.limit_seconds)

    def ended(self, job: WaitingJob, run: StartedJob, now: float) -> None:
        """Its use is added to the person's, and what it waited."""
        del self._running[job.id]
        past, half_life = self._past[job.person], self._weights.half_life_seconds
        past = with_use(past, job.gpus * run.job.run_seconds, now, half_life)
        self._past[job.person] = with_slowdown(past, run.bounded_slowdown, now, half_life)

    def starting(self, moment: Moment) -> Sequence[WaitingJob]:
        """In packtrain's order, with backfill."""
        free = Gpus(moment.free_gpus)
        return startable(self.order(moment), moment.running, free, moment.now, largest_pass_first=True)

    def order(self, moment: Moment) -> Sequence[WaitingJob]:
        """The waiting jobs in packtrain's order, at most a minute old."""
        if moment.now - self._ordered_at >= _ORDER_SECONDS:
            standings = self._present_standings(moment.now)
            self._order = ordered(moment.waiting.values(), standings, moment.gpus, moment.now, self._weights)
            self._ordered_at = moment.now
            return self._order
        known = {job.id for job in self._order}
        self._order = [job for job in self._order if job.id in moment.waiting]
        self._order += [job for job in moment.waiting.values() if job.id not in known]
        return self._order

    def running(self) -> Mapping[str, RunningUse]:
        """The jobs that run, by id."""
        return self._running

    def _present_standings(self, now: float) -> Mapping[Person, Standing]:
        if now - self._standings_at >= _STANDING_SECONDS:
            fair = fair_standings(self._teams, self._past, self._running.values(), now, self._weights.half_life_seconds)
            self._standings = {person: its.standing for person, its in fair.items()}
            self._standings_at = now
        return self._standings


def _teams_of(people: Iterable[Person]) -> list[TeamShares]:
    members: dict[str, dict[str, float]] = defaultdict(dict)
    for person in sorted(set(people)):
        members[person.team][person.name] = 1.0
    return [TeamShares(team, len(its), its) for team, its in members.items()]
