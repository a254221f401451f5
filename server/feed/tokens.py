"""Cache of tokens in use: the feed asks once a tick which of them still hold."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable

from tuning.errors import NotAuthenticated
from tuning.people.tokens import Principal

_FORGOTTEN_AFTER_SECONDS = 180.0
"""A token that nobody used for so long is no longer asked about; its next use is looked up. Longer than any wait."""
_REFUSED_FOR_SECONDS = 2.0
"""A wrong token is not looked up again for so long. Short: somebody may be about to create it."""
_MOST_REFUSED = 10_000


class TokensInUse:
    """The tokens that were good when the database was last asked. They are kept by hash, their texts are not."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._principals: dict[str, Principal] = {}
        """By the token's hash."""
        self._sha256s: dict[str, str] = {}
        """By the token's id."""
        self._used: dict[str, float] = {}
        """By the id of a token that holds: when it was last used."""
        self._refused: OrderedDict[str, float] = OrderedDict()

    def principal(self, sha256: str) -> Principal | None:
        """Principal of a known token, which counts as used. Raises NotAuthenticated for one just refused."""
        principal = self._principals.get(sha256)
        if principal is not None and self.holds(principal):
            return principal
        if self._refused.get(sha256, 0.0) > self._monotonic():
            raise NotAuthenticated(
                "this token is unknown, expired or revoked", hint="ask an administrator for a new one"
            )
        return None

    def holds(self, principal: Principal) -> bool:
        """Whether the token that somebody came with is still good; it counts as used."""
        if principal.token_id not in self._used:
            return False
        self._used[principal.token_id] = self._monotonic()
        return True

    def latest(self, principal: Principal) -> Principal:
        """Principal of a user as of now: their role and teams may have changed since they came."""
        return self._principals.get(self._sha256s.get(principal.token_id, ""), principal)

    def accept(self, sha256: str, principal: Principal) -> None:
        """The database knows this token."""
        self._principals[sha256] = principal
        self._sha256s[principal.token_id] = sha256
        self._used[principal.token_id] = self._monotonic()

    def refuse(self, sha256: str) -> None:
        """The database knows no such token."""
        self._refused[sha256] = self._monotonic() + _REFUSED_FOR_SECONDS
        if len(self._refused) > _MOST_REFUSED:
            self._refused.popitem(last=False)

    def versions(self) -> dict[str, int]:
        """The tokens to ask about, with the versions of their users that are known."""
        principals = (self._principals[self._sha256s[token_id]] for token_id in self.ids())
        return {principal.token_id: principal.version for principal in principals}

    def ids(self) -> frozenset[str]:
        """The tokens in use. Those that nobody uses any more are forgotten here."""
        oldest = self._monotonic() - _FORGOTTEN_AFTER_SECONDS
        self._used = {token_id: used for token_id, used in self._used.items() if used >= oldest}
        self._principals = {sha256: each for sha256, each in self._principals.items() if each.token_id in self._used}
        self._sha256s = {each.token_id: sha256 for sha256, each in self._principals.items()}
        return frozenset(self._used)

    def keep(self, asked: Collection[str], valid: Collection[str]) -> bool:
        """Take in which of the tokens asked about still hold. Whether one of them ended."""
        ended = [token_id for token_id in asked if token_id not in valid and self._used.pop(token_id, None) is not None]
        return bool(ended)

    def renew(self, principals: Iterable[Principal]) -> bool:
        """Take in users with another role or other teams. Whether there is one."""
        known = [each for each in principals if each.token_id in self._used and each.token_id in self._sha256s]
        self._principals.update({self._sha256s[each.token_id]: each for each in known})
        return bool(known)
