"""Tokens in use: known while somebody uses them, refused for a moment, bounded."""

import pytest

from server.feed import tokens
from server.feed.tokens import TokensInUse
from tests.factories import Seconds
from tuning.errors import NotAuthenticated
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal

ADA = Principal("user_a", "ada", "tok_a", Scope.SUBMIT)


def test_a_token_is_asked_about_while_it_is_used_and_then_forgotten() -> None:
    seconds = Seconds()
    in_use = TokensInUse(seconds)
    in_use.accept("sha", ADA)
    for _ in range(3):
        seconds.now += 100
        assert in_use.holds(ADA)
        assert in_use.ids() == {"tok_a"}
    seconds.now += 200
    assert in_use.ids() == frozenset()
    assert in_use.principal("sha") is None


def test_a_token_that_ended_holds_no_more() -> None:
    in_use = TokensInUse(Seconds())
    in_use.accept("sha", ADA)
    assert not in_use.keep({"tok_a"}, {"tok_a"})
    assert in_use.principal("sha") is ADA
    assert in_use.keep({"tok_a"}, set())
    assert not in_use.holds(ADA)
    assert in_use.principal("sha") is None


def test_an_unknown_token_is_refused_for_two_seconds() -> None:
    seconds = Seconds()
    in_use = TokensInUse(seconds)
    in_use.refuse("sha")
    with pytest.raises(NotAuthenticated):
        in_use.principal("sha")
    seconds.now += 2.1
    assert in_use.principal("sha") is None


def test_refused_tokens_are_bounded_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_MOST_REFUSED", 2)
    in_use = TokensInUse(Seconds())
    for sha256 in ("a", "b", "c"):
        in_use.refuse(sha256)
    assert in_use.principal("a") is None
    for sha256 in ("b", "c"):
        with pytest.raises(NotAuthenticated):
            in_use.principal(sha256)
