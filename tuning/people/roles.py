"""Roles of people: viewer, member, administrator; and what a setting lets others see."""

from enum import StrEnum


class Role(StrEnum):
    """Role of a user in the lab. That of a team's lead is a word of the membership."""

    VIEWER = "viewer"
    """Looks, and changes nothing."""
    MEMBER = "member"
    """Also submits jobs, and changes what is their own; in teams that they lead, what is the team's."""
    ADMINISTRATOR = "administrator"
    """Also changes everything, and everybody."""


class Visibility(StrEnum):
    """Sight that members have of others' jobs, with their logs, artifacts and data sets."""

    EVERYBODY = "everybody"
    TEAM = "team"
    OWN = "own"
