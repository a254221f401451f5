"""Tokens of served models: counted by person, model and day, on both kinds of database."""

from datetime import timedelta

from sqlalchemy.orm import Session

from tests.factories import NOON, make_token, make_user
from tuning.people.roles import Visibility
from tuning.people.tokens import authenticate
from tuning.usage.tokens import Tokens, TokenUse, add_tokens, token_use


def test_answers_of_a_day_add_up_and_others_are_not_shown(session: Session) -> None:
    ada, bob = make_user(session, name="ada"), make_user(session, name="bob")
    reader = authenticate(session, make_token(session, ada), NOON, Visibility("own"))
    for user, model, tokens in ((ada, "a", 3), (ada, "a", 4), (ada, "b", 1), (bob, "a", 100)):
        add_tokens(session, user.id, model, Tokens(2, tokens), NOON)
    add_tokens(session, ada.id, "a", Tokens(1, 1), NOON + timedelta(days=1))
    day = NOON.date()
    own = [TokenUse("ada", "a", 2, 4, 7), TokenUse("ada", "b", 1, 2, 1)]
    assert token_use(session, day, day, reader, 10) == own
    assert token_use(session, day, day, reader, 1) == own[:1]
    assert token_use(session, day, day + timedelta(days=1), reader, 10)[0] == TokenUse("ada", "a", 3, 5, 8)
