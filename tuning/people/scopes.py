"""Scopes of tokens: read, submit, admin, each with all that stands before it."""

from collections.abc import Iterable
from enum import StrEnum

from tuning.people.roles import Role


class Scope(StrEnum):
    """One word; the order of the words is the order of their reach."""

    READ = "read"
    """Look at everything that its user may look at."""
    SUBMIT = "submit"
    """Also change what is its user's: jobs, data sets, secrets, tokens."""
    ADMIN = "admin"
    """Also what administrators may do; only an administrator's token can have it."""

    def includes(self, other: "Scope") -> bool:
        """Whether a token with this scope may do what `other` allows."""
        return other in self.all()

    def all(self) -> tuple["Scope", ...]:
        """The scope with all that it implies, the least first."""
        words = tuple(Scope)
        return words[: words.index(self) + 1]


def widest(scopes: Iterable[Scope]) -> Scope:
    """The scope that includes all of these (at least one)."""
    return max(scopes, key=lambda scope: len(scope.all()))


def narrowest(*scopes: Scope) -> Scope:
    """The scope that all of these (at least one) include."""
    return min(scopes, key=lambda scope: len(scope.all()))


def usual_scope(role: Role) -> Scope:
    """Of a token that was made without a word about scopes, and the most that a token of such a user can have."""
    return {Role.VIEWER: Scope.READ, Role.MEMBER: Scope.SUBMIT, Role.ADMINISTRATOR: Scope.ADMIN}[role]
