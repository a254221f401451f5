"""Shares against use: parts of the whole that teams, or members of a team, are due and had. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

_CLOSE = 0.02
"""Of the whole: so near to its share nobody is above or below it."""


class Balance(StrEnum):
    """Use against the share."""

    ABOVE = "above"
    AT = "at"
    BELOW = "below"
    NO_SHARE = "no_share"
    """Only what nobody else wants."""


@dataclass(frozen=True)
class ShareOfUse:
    """A part of the whole that is due, and the part that was had."""

    name: str
    shares: int
    due: float
    """From 0 to 1."""
    hours: float
    had: float
    """From 0 to 1."""

    @property
    def balance(self) -> Balance:
        """Whether more was had than is due."""
        if self.shares <= 0:
            return Balance.NO_SHARE
        if abs(self.had - self.due) <= _CLOSE:
            return Balance.AT
        return Balance.ABOVE if self.had > self.due else Balance.BELOW


def shares_of_use(shares: Mapping[str, int], hours: Mapping[str, float]) -> list[ShareOfUse]:
    """Everybody of either kind, who used most first; who is in no share any more has 0 of it."""
    all_shares, all_hours = _total(shares.values()), _total(hours.values())
    found = [
        ShareOfUse(
            name,
            shares.get(name, 0),
            max(shares.get(name, 0), 0) / all_shares if all_shares else 0.0,
            hours.get(name, 0.0),
            hours.get(name, 0.0) / all_hours if all_hours else 0.0,
        )
        for name in shares.keys() | hours.keys()
    ]
    return sorted(found, key=lambda each: (-each.hours, -each.shares, each.name))


def _total(amounts: Iterable[float]) -> float:
    return sum(max(amount, 0.0) for amount in amounts)
