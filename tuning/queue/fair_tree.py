"""Fair Tree, as Slurm has it: who had less than their share comes first, teams before members.

At each level, level_fs is the share (own shares by those of all siblings) divided by the part of all use that was one's
own. The tree is walked depth first, siblings by level_fs, those of equal teams together; the place in the walk is the
person's fair place. So all members of a team that had less than its share come before all of one that had more: no
member can harm another team's.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from tuning.queue.waiting_job import Person


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a team, with their shares of it and what they used (decayed GPU-seconds)."""

    name: str
    shares: float
    used: float


@dataclass(frozen=True, slots=True)
class Team:
    """A team, with its shares of the lab."""

    name: str
    shares: float
    members: Sequence[Member]


@dataclass(frozen=True, slots=True)
class FairPlace:
    """Places of a person and of their team; 0 comes first, equal ones share a place."""

    place: int
    team_place: int
    team_level_fs: float
    user_level_fs: float


def fair_places(teams: Iterable[Team]) -> Mapping[Person, FairPlace]:
    """The fair place of every member of every team."""
    places: dict[Person, FairPlace] = {}
    levels = _team_levels(tuple(teams))
    team_place = 0
    for _, equals in groupby(sorted(levels, key=_by_ratio), key=_by_ratio):
        equal_teams = list(equals)
        _add_members(places, team_place, equal_teams)
        team_place += len(equal_teams)
    return places


def level_fs(shares: float, used: float, all_shares: float, all_used: float) -> float:
    """Share by part of the use: above 1 had less than their share. No shares is 0, no use with shares infinite."""
    if shares <= 0:
        return 0.0
    return (shares / used) * (all_used / all_shares) if used > 0 else math.inf


@dataclass(frozen=True, slots=True)
class _TeamLevel:
    team: Team
    ratio: float
    """Shares by use. Siblings have the order of level_fs by it, and none of them can move another one in it."""
    level_fs: float


def _team_levels(teams: Sequence[Team]) -> list[_TeamLevel]:
    used = [_total(member.used for member in team.members) for team in teams]
    all_shares, all_used = _total(team.shares for team in teams), math.fsum(used)
    return [
        _TeamLevel(team, _ratio(team.shares, its_use), level_fs(team.shares, its_use, all_shares, all_used))
        for team, its_use in zip(teams, used, strict=True)
    ]


def _by_ratio(level: _TeamLevel) -> float:
    return -level.ratio


def _ratio(shares: float, used: float) -> float:
    if shares <= 0:
        return -used  # else all without shares were equal for ever, and their members one team
    return shares / used if used > 0 else math.inf


def _total(amounts: Iterable[float]) -> float:
    return math.fsum(max(amount, 0.0) for amount in amounts)


def _add_members(places: dict[Person, FairPlace], team_place: int, teams: Sequence[_TeamLevel]) -> None:
    """The members of teams that are equal, after all who have a place."""
    members = [(fs, person, level.level_fs) for level in teams for fs, person in _member_levels(level.team)]
    members.sort(key=lambda member: -member[0])
    first = place = len(places)
    last_fs = math.nan
    for index, (fs, person, team_fs) in enumerate(members):
        place = place if fs == last_fs else first + index
        places[person] = FairPlace(place, team_place, team_fs, fs)
        last_fs = fs


def _member_levels(team: Team) -> list[tuple[float, Person]]:
    all_shares = _total(member.shares for member in team.members)
    all_used = _total(member.used for member in team.members)
    return [
        (level_fs(member.shares, member.used, all_shares, all_used), Person(team.name, member.name))
        for member in team.members
    ]
