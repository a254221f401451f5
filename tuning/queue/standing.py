"""Standings of people: fair places by shares and use, with the ratios that explain them, and slowdowns of late.

Use is what ended jobs left, halved with time, and what runs, up to now. Only people who are given have places: those
who have jobs, or had some of late. A member who is not of the team's shares any more comes last in the team.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tuning.queue.decay import DecayingSum, decayed, with_more
from tuning.queue.fair_tree import Member, Team, fair_places, level_fs
from tuning.queue.order import Standing
from tuning.queue.waiting_job import Person

_DAY_SECONDS = 86400.0
_SHORTEST_RUN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class TeamShares:
    """Shares of a team, and those of its members by their names."""

    name: str
    shares: float
    members: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PastJobs:
    """Sums over a person's ended jobs, which halve with time, as they were at a moment."""

    gpu_seconds: float = 0.0
    slowdowns: float = 0.0
    jobs: float = 0.0
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class RunningUse:
    """GPUs that a person's job holds, and since when."""

    person: Person
    gpus: int
    started_at: float
    limit_seconds: float


@dataclass(frozen=True, slots=True)
class FairStanding:
    """Fair place of a person, and what explains it."""

    fair_place: int
    """From 0; equal ones share a place."""
    fair_places: int
    """Number of people who have a place."""
    team_place: int
    team_places: int
    team_level_fs: float
    """Above 1: the team had less than its share; infinite without use."""
    user_level_fs: float
    """Likewise of the person within the team."""
    used_gpu_seconds: float
    past_slowdowns: float
    past_jobs: float

    @property
    def standing(self) -> Standing:
        """Standing as the order counts it."""
        return Standing(
            self.team_place / max(self.team_places - 1, 1),
            self.fair_place / max(self.fair_places - 1, 1),
            self.past_slowdowns,
            self.past_jobs,
        )


def fair_standings(
    teams: Iterable[TeamShares],
    past: Mapping[Person, PastJobs],
    running: Iterable[RunningUse],
    now: float,
    half_life_seconds: float,
) -> dict[Person, FairStanding]:
    """The standing of every member of the teams, at this moment."""
    present = {person: _until(its, now, half_life_seconds) for person, its in past.items()}
    used = _used(present, running, now)
    values = [_team(team, used) for team in teams]
    places = fair_places(values)
    ratios = _level_fs_of(values)
    standings = {}
    for person, place in places.items():
        its = present.get(person, _NO_JOBS)
        standings[person] = FairStanding(
            place.place,
            len(places),
            place.team_place,
            len(values),
            *ratios[person],
            used.get(person, 0.0),
            its.slowdowns,
            its.jobs,
        )
    return standings


def with_use(past: PastJobs, gpu_seconds: float, now: float, half_life_seconds: float) -> PastJobs:
    """The sums with the use of an attempt that ended now."""
    then = _until(past, now, half_life_seconds)
    more = with_more(DecayingSum(then.gpu_seconds), gpu_seconds, 0.0, half_life_seconds)
    return replace(then, gpu_seconds=more.amount)


def with_slowdown(past: PastJobs, slowdown: float, now: float, half_life_seconds: float) -> PastJobs:
    """The sums with the bounded slowdown of a job that ended now."""
    then = _until(past, now, half_life_seconds)
    slowdowns = with_more(DecayingSum(then.slowdowns), slowdown, 0.0, half_life_seconds).amount
    return replace(then, slowdowns=slowdowns, jobs=then.jobs + 1.0)


def without(past: PastJobs, gpu_seconds: float, slowdown: float | None) -> PastJobs:
    """The sums without what was added by an end that is corrected; never less than nothing."""
    kept = replace(past, gpu_seconds=max(past.gpu_seconds - gpu_seconds, 0.0))
    if slowdown is None:
        return kept
    return replace(kept, slowdowns=max(past.slowdowns - slowdown, 0.0), jobs=max(past.jobs - 1.0, 0.0))


def bounded_slowdown(wait_seconds: float, run_seconds: float) -> float:
    """Wait and run over the run, at least 1; a run of less than 10 s counts as 10 s."""
    return max(1.0, (wait_seconds + run_seconds) / max(run_seconds, _SHORTEST_RUN_SECONDS))


def seconds_held(started_at: float, until: float, limit_seconds: float) -> float:
    """Time for which a job held its GPUs. A clock that jumped adds at most twice the time limit and a day."""
    return min(max(until - started_at, 0.0), 2 * max(limit_seconds, 0.0) + _DAY_SECONDS)


def _used(present: Mapping[Person, PastJobs], running: Iterable[RunningUse], now: float) -> dict[Person, float]:
    used = {person: its.gpu_seconds for person, its in present.items()}
    for use in running:
        gpu_seconds = use.gpus * seconds_held(use.started_at, now, use.limit_seconds)
        used[use.person] = used.get(use.person, 0.0) + gpu_seconds
    return used


def _until(past: PastJobs, now: float, half_life_seconds: float) -> PastJobs:
    """The sums as they are now; a clock that went back changes nothing."""
    rest = decayed(DecayingSum(1.0, past.at), now, half_life_seconds)
    return PastJobs(past.gpu_seconds * rest, past.slowdowns * rest, past.jobs * rest, max(now, past.at))


def _team(team: TeamShares, used: Mapping[Person, float]) -> Team:
    members = [
        Member(name, shares, used.get(Person(team.name, name), 0.0)) for name, shares in sorted(team.members.items())
    ]
    return Team(team.name, team.shares, members)


def _level_fs_of(teams: Sequence[Team]) -> dict[Person, tuple[float, float]]:
    """Those of team and person."""
    used = {team.name: sum(member.used for member in team.members) for team in teams}
    all_shares, all_used = sum(max(team.shares, 0.0) for team in teams), sum(used.values())
    ratios = {}
    for team in teams:
        of_team = level_fs(team.shares, used[team.name], all_shares, all_used)
        own_shares = sum(max(member.shares, 0.0) for member in team.members)
        for member in team.members:
            own = level_fs(member.shares, member.used, own_shares, used[team.name])
            ratios[Person(team.name, member.name)] = (of_team, own)
    return ratios


_NO_JOBS = PastJobs()
