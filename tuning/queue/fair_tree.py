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


def fair_places(teams: Iterable[Team]) -> Mapping[Person, FairPlace]:
    """The fair place of every member of every team."""
    places: dict[Person, FairPlace] = {}
    team_place = 0
    for _, equals in groupby(sorted(teams, key=_team_ratio, reverse=True), key=_team_ratio):
        equal_teams = list(equals)
        _add_members(places, team_place, equal_teams)
        team_place += len(equal_teams)
    return places


def level_fs(shares: float, used: float, all_shares: float, all_used: float) -> float:
    """Share by part of the use: above 1 had less than their share. No shares is 0, no use with shares infinite."""
    if shares <= 0:
        return 0.0
    return (shares / used) * (all_used / all_shares) if used > 0 else math.inf


def _team_ratio(team: Team) -> float:
    """Shares by use: teams have the order of level_fs by it, and no team moves two others in it, not by rounding."""
    used = _total(member.used for member in team.members)
    if team.shares <= 0:
        return -used  # else all without shares were equal for ever, and their members one team
    return team.shares / used if used > 0 else math.inf


def _total(amounts: Iterable[float]) -> float:
    return math.fsum(max(amount, 0.0) for amount in amounts)


def _add_members(places: dict[Person, FairPlace], team_place: int, teams: Iterable[Team]) -> None:
    """The members of teams that are equal, after all who have a place."""
    members = [level for team in teams for level in _member_levels(team)]
    members.sort(key=lambda member: -member[0])
    first = place = len(places)
    last_fs = math.nan
    for index, (fs, person) in enumerate(members):
        place = place if fs == last_fs else first + index
        places[person] = FairPlace(place, team_place)
        last_fs = fs


def _member_levels(team: Team) -> list[tuple[float, Person]]:
    all_shares = _total(member.shares for member in team.members)
    all_used = _total(member.used for member in team.members)
    return [
        (level_fs(member.shares, member.used, all_shares, all_used), Person(team.name, member.name))
        for member in team.members
    ]
