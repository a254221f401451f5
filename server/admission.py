"""How often a token may ask, and how often an address may come with tokens that nobody has."""

import math
from collections.abc import Callable

from server.rate_buckets import RateBuckets
from tuning.errors import TooManyRequests

_GUESSES_PER_SECOND = 1.0
_GUESSES_AT_ONCE = 30
_MOST_KEPT = 10_000
_WRONG = "check the token, and ask again"
_WITHOUT_POLLING = "follow jobs by `progress?wait=` or the event streams, which need no polling; ask again"


class Admission:
    """Asked before a token is looked up: what is refused here costs the database nothing.

    A token that was found good has a bucket of its own, under its hash; so has one that was found wrong, since to come
    with it again (a dashboard whose token was revoked) is no guess. Any other is looked up only while its address has
    not come with too many wrong ones; who shares that address and is known already does not notice.
    """

    def __init__(self, per_second: float, burst: int, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known = RateBuckets(per_second, burst, most=_MOST_KEPT) if per_second > 0 else None
        self._wrong = RateBuckets(_GUESSES_PER_SECOND, _GUESSES_AT_ONCE, most=_MOST_KEPT)
        self._guessing = RateBuckets(_GUESSES_PER_SECOND, _GUESSES_AT_ONCE, most=_MOST_KEPT)

    def admit(self, sha256: str, address: str) -> None:
        """Whether a token may be looked up; a known one's request is counted. Raises TooManyRequests."""
        if self._known is None:
            return
        if sha256 in self._known:
            self.count(sha256)
        elif sha256 in self._wrong:
            _refuse_for(self._wrong.take(sha256, self._monotonic()), "this token is wrong", _WRONG)
        else:
            wait = self._guessing.wait(address, self._monotonic())
            _refuse_for(wait, "too many wrong tokens came from your address", _WRONG)

    def count(self, sha256: str) -> None:
        """Count a request with a token that is good. Raises TooManyRequests."""
        if self._known is not None:
            wait = self._known.take(sha256, self._monotonic())
            _refuse_for(wait, "this token asks too often", _WITHOUT_POLLING)

    def found(self, sha256: str) -> None:
        """The token that was looked up is good."""
        if self._known is not None and sha256 not in self._known:
            self.count(sha256)

    def refused(self, sha256: str, address: str) -> None:
        """The token that was looked up is not good."""
        if self._known is not None and sha256 not in self._wrong:
            now = self._monotonic()
            self._wrong.take(sha256, now)
            self._guessing.take(address, now)


def _refuse_for(wait_seconds: float, reason: str, advice: str) -> None:
    if wait_seconds > 0:
        seconds = math.ceil(wait_seconds)
        raise TooManyRequests(reason, retry_after_seconds=seconds, hint=f"{advice} in {seconds} s or later")
