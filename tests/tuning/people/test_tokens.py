"""Users and tokens."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import NOON, make_user
from tuning.errors import InvalidInput, NotAuthenticated
from tuning.people.models import Token, User
from tuning.people.queries import user_by_name
from tuning.people.tokens import authenticate, create_operator_token, create_token


def test_whoever_holds_the_database_makes_the_first_administrator(session: Session) -> None:
    text = create_operator_token(session, user_name="root", name="first", now=NOON, is_administrator=True)
    principal = authenticate(session, text, NOON)
    assert (principal.name, principal.is_administrator) == ("root", True)
    again = create_operator_token(session, user_name="root", name="second", now=NOON, is_administrator=True)
    assert authenticate(session, again, NOON).user_id == principal.user_id


def test_an_ordinary_user_does_not_become_an_administrator_by_a_token(session: Session) -> None:
    make_user(session, name="ada")
    with pytest.raises(InvalidInput, match="no administrator"):
        create_operator_token(session, user_name="ada", name="x", now=NOON, is_administrator=True)


@pytest.mark.parametrize("name", ["", "a b", "-x", "a\n", "ä", "x" * 101])
def test_a_name_that_is_none_is_refused(session: Session, name: str) -> None:
    with pytest.raises(InvalidInput):
        create_operator_token(session, user_name=name, name="x", now=NOON, is_administrator=False)
    assert session.scalars(select(User)).all() == []


def test_tokens_are_long_random_and_kept_as_a_hash(session: Session) -> None:
    principal = authenticate(
        session, create_operator_token(session, user_name="a", name="x", now=NOON, is_administrator=False), NOON
    )
    texts = {create_token(session, principal, NOON, name="x").text for _ in range(5)}
    assert len(texts) == 5
    assert all(len(text) >= 46 and text.startswith("pt_") for text in texts)
    stored = session.scalars(select(Token.sha256)).all()
    assert all(len(sha256) == 64 for sha256 in stored)
    assert not texts & set(stored)


@pytest.mark.parametrize("text", ["", "pt_", "x" * 5000, "\ud800", "nul\0", "ä"])
def test_what_is_no_token_is_refused_in_one_sentence(session: Session, text: str) -> None:
    with pytest.raises(NotAuthenticated, match="unknown, expired or revoked"):
        authenticate(session, text, NOON)


def test_the_token_of_a_disabled_user_is_refused(session: Session) -> None:
    text = create_operator_token(session, user_name="ada", name="x", now=NOON, is_administrator=False)
    assert [team.name for team in authenticate(session, text, NOON).teams] == ["lab"]
    user = user_by_name(session, "ada")
    assert user is not None
    user.disabled_at = NOON
    session.flush()
    with pytest.raises(NotAuthenticated):
        authenticate(session, text, NOON)
