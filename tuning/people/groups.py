"""Groups of a site's directory: what role and teams they give a user. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tuning.people.roles import Role

GroupGrants = Mapping[str, Sequence[str]]
"""Grants (`team:mt`, `lead:mt`, `administrator`, `viewer`) by the name of a group."""
_TEAM, _LEAD = "team:", "lead:"


@dataclass(frozen=True)
class Given:
    """Role and teams that a user's groups give, and the teams that groups rule at all."""

    role: Role | None
    """None where no grant speaks of the user's role: it stays."""
    teams: Mapping[str, bool | None]
    """Whether the user leads it, by the name of each team that they are in by their groups; None: that stays."""
    ruled_teams: frozenset[str]
    """Those that some group gives: of them the user is in `teams` alone."""


def given_by(grants: GroupGrants, groups: Collection[str], role: Role) -> Given:
    """Role and teams that these groups give a user of this role; what no grant speaks of stays as it is."""
    known = frozenset(word for words in grants.values() for word in words)
    own = frozenset(word for group in groups for word in grants.get(group, ()))
    led_by_rule = _names(known, _LEAD)
    teams: dict[str, bool | None] = dict.fromkeys(sorted(_names(own, _TEAM) | _names(own, _LEAD)))
    for name in teams.keys() & led_by_rule:
        teams[name] = name in _names(own, _LEAD)
    return Given(_role(known, own, role), teams, _names(known, _TEAM) | led_by_rule)


def _role(known: Collection[str], own: Collection[str], role: Role) -> Role | None:
    """The widest role that is given. One that groups rule and do not give is lost; one that they do not rule stays."""
    if Role.ADMINISTRATOR.value in own:
        return Role.ADMINISTRATOR
    if role is Role.ADMINISTRATOR and role.value not in known:
        return None
    if Role.VIEWER.value in own:
        return Role.VIEWER
    return Role.MEMBER if role.value in known else None


def _names(words: Collection[str], kind: str) -> frozenset[str]:
    return frozenset(word.removeprefix(kind) for word in words if word.startswith(kind))
