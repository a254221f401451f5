"""The orders that are compared: packtrain's own, and the yardsticks FIFO and EASY."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tuning.queue.backfill import in_turn, startable
from tuning.queue.decay import DecayingSum, decayed, with_more
from tuning.queue.fair_tree import Member, Team, fair_places
from tuning.queue.order import Standing, Weights, ordered
from tuning.queue.simulation.engine import Moment, StartedJob
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
        return in_turn(moment.waiting.values(), moment.free_gpus)


class Easy(Fifo):
    """First in, first out, and others pass who do not delay the first: EASY backfill."""

    name = "EASY"

    def starting(self, moment: Moment) -> Sequence[WaitingJob]:
        """By the time of submission, with backfill."""
        return startable(
            list(moment.waiting.values()), moment.running, moment.free_gpus, moment.now, largest_pass_first=False
        )


class FairQueue:
    """packtrain's order, with the same backfill. Each member has one share, and a team as many as members."""

    name = "packtrain"

    def __init__(self, people: Iterable[Person], weights: Weights) -> None:
        self._weights = weights
        self._teams: dict[str, list[Person]] = defaultdict(list)
        for person in sorted(set(people)):
            self._teams[person.team].append(person)
        self._used: dict[Person, DecayingSum] = defaultdict(DecayingSum)
        self._slowdowns: dict[Person, DecayingSum] = defaultdict(DecayingSum)
        self._jobs: dict[Person, DecayingSum] = defaultdict(DecayingSum)
        self._running: dict[str, tuple[WaitingJob, float]] = {}
        self._order: list[WaitingJob] = []
        self._ordered_at = -math.inf
        self._standings: Mapping[Person, Standing] = {}
        self._standings_at = -math.inf

    def started(self, job: WaitingJob, now: float) -> None:
        """Its use counts from now."""
        self._running[job.id] = (job, now)

    def ended(self, job: WaitingJob, run: StartedJob, now: float) -> None:
        """Its use is added to the person's, and what it waited."""
        del self._running[job.id]
        half_life = self._weights.half_life_seconds
        for sums, amount in (
            (self._used, job.gpus * run.job.run_seconds),
            (self._slowdowns, run.bounded_slowdown),
            (self._jobs, 1.0),
        ):
            sums[job.person] = with_more(sums[job.person], amount, now, half_life)

    def starting(self, moment: Moment) -> Sequence[WaitingJob]:
        """In packtrain's order, with backfill."""
        return startable(
            self._present_order(moment), moment.running, moment.free_gpus, moment.now, largest_pass_first=True
        )

    def _present_order(self, moment: Moment) -> Sequence[WaitingJob]:
        if moment.now - self._ordered_at >= _ORDER_SECONDS:
            standings = self._present_standings(moment.now)
            self._order = ordered(moment.waiting.values(), standings, moment.gpus, moment.now, self._weights)
            self._ordered_at = moment.now
            return self._order
        known = {job.id for job in self._order}
        self._order = [job for job in self._order if job.id in moment.waiting]
        self._order += [job for job in moment.waiting.values() if job.id not in known]
        return self._order

    def _present_standings(self, now: float) -> Mapping[Person, Standing]:
        if now - self._standings_at >= _STANDING_SECONDS:
            self._standings = self._new_standings(now)
            self._standings_at = now
        return self._standings

    def _new_standings(self, now: float) -> Mapping[Person, Standing]:
        half_life = self._weights.half_life_seconds
        places = fair_places(self._team_values(now))
        last_team, last = max(len(self._teams) - 1, 1), max(len(places) - 1, 1)
        return {
            person: Standing(
                place.team_place / last_team,
                place.place / last,
                decayed(self._slowdowns[person], now, half_life),
                decayed(self._jobs[person], now, half_life),
            )
            for person, place in places.items()
        }

    def _team_values(self, now: float) -> list[Team]:
        used = {person: decayed(total, now, self._weights.half_life_seconds) for person, total in self._used.items()}
        for job, started_at in self._running.values():
            used[job.person] = used.get(job.person, 0.0) + job.gpus * (now - started_at)
        return [
            Team(team, len(people), [Member(person.name, 1.0, used.get(person, 0.0)) for person in people])
            for team, people in self._teams.items()
        ]
