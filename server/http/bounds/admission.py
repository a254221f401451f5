"""Rate limits for each person; failed logins for each address."""

import math
from collections import OrderedDict
from collections.abc import Callable

from server.http.bounds.rate_buckets import Level, RateBuckets
from tuning.errors import TooManyRequests

_GUESSES_PER_SECOND = 1.0
_GUESSES_AT_ONCE = 30
_MOST_KEPT = 10_000
_WRONG = "check the token, and ask again"
_WITHOUT_POLLING = "follow jobs by `progress?wait=` or the event streams, which need no polling; ask again"


class Admission:
    """Asked before a token is looked up: what is refused here costs the database nothing.

    All tokens of a person share one bucket, under the person's id: more tokens are not more requests. A token that was
    found wrong has one under its hash, since to come with it again (a dashboard whose token was revoked) is no guess.
    Any other is looked up only while its address has not come with too many wrong ones; who shares that address and is
    known already does not notice.
    """

    def __init__(self, per_second: float, burst: int, monotonic: Callable[[], float]) -> None:
        self.per_second = per_second
        self._monotonic = monotonic
        self._people = RateBuckets(per_second, burst, most=_MOST_KEPT) if per_second > 0 else None
        self._known: OrderedDict[str, str] = OrderedDict()
        """By the hash of a token that was found good: whose it is."""
        self._wrong = RateBuckets(_GUESSES_PER_SECOND, _GUESSES_AT_ONCE, most=_MOST_KEPT)
        self._guessing = RateBuckets(_GUESSES_PER_SECOND, _GUESSES_AT_ONCE, most=_MOST_KEPT)

    def admit(self, sha256: str, address: str) -> None:
        """Whether a token may be looked up; a known one's request is counted. Raises TooManyRequests."""
        if self._people is None:
            return
        if (user_id := self._known.get(sha256)) is not None:
            self.count(user_id)
        elif sha256 in self._wrong:
            _refuse_for(self._wrong.take(sha256, self._monotonic()), "this token is wrong", _WRONG)
        else:
            wait = self._guessing.wait(address, self._monotonic())
            _refuse_for(wait, "too many wrong tokens came from your address", _WRONG)

    def count(self, user_id: str) -> None:
        """Count a request of a person. Raises TooManyRequests."""
        if self._people is not None:
            wait = self._people.take(user_id, self._monotonic())
            _refuse_for(wait, "you ask too often", _WITHOUT_POLLING)

    def user_of(self, sha256: str) -> str | None:
        """Id of the person whose token this is; None for one that was not found good lately."""
        return self._known.get(sha256)

    def level(self, user_id: str) -> Level | None:
        """Number of requests that a person may still send; None where any number is allowed."""
        return self._people.level(user_id, self._monotonic()) if self._people is not None else None

    def found(self, sha256: str, user_id: str) -> None:
        """The token that was looked up is good. Raises TooManyRequests."""
        if self._people is None or sha256 in self._known:
            return
        self._known[sha256] = user_id
        if len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        self.count(user_id)

    def refused(self, sha256: str, address: str) -> None:
        """The token that was looked up is not good."""
        self._known.pop(sha256, None)
        if self._people is not None and sha256 not in self._wrong:
            now = self._monotonic()
            self._wrong.take(sha256, now)
            self._guessing.take(address, now)


def _refuse_for(wait_seconds: float, reason: str, advice: str) -> None:
    if wait_seconds > 0:
        seconds = math.ceil(wait_seconds)
        raise TooManyRequests(reason, retry_after_seconds=seconds, hint=f"{advice} in {seconds} s or later")
