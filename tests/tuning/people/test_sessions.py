"""Sessions of browsers: what they may do, how long they hold, and who sees them."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_token, make_user
from tuning.db.engine import transaction
from tuning.errors import InvalidInput, NotAuthenticated, NotFound
from tuning.people.audit import Actor
from tuning.people.models import AuditEntry, SignInWay, Token, TokenKind, User
from tuning.people.queries import token_versions
from tuning.people.scopes import Scope
from tuning.people.sessions import (
    MOST_SESSIONS,
    BegunSession,
    SignIn,
    begin_session,
    end_session,
    is_session_text,
    visible_sessions,
)
from tuning.people.tokens import Principal, authenticate, create_token, revoke_token, visible_tokens

ACTOR = Actor("ada", "ses_x", "192.0.2.1")


@pytest.fixture
def ada(session: Session) -> Principal:
    """A user, by their token."""
    return authenticate(session, make_token(session, make_user(session)), NOON)


def begin(
    session: Session,
    principal: Principal,
    now: datetime = NOON,
    *,
    way: SignInWay = SignInWay.TOKEN,
    address: str = "192.0.2.1",
    user_agent: str = "Firefox",
) -> BegunSession:
    return begin_session(session, principal, SignIn(way, address, user_agent), now, 3600)


def ids(session: Session, principal: Principal, now: datetime = NOON) -> list[str]:
    return [row.id for row, _ in visible_sessions(session, principal, now, 500, None).sessions]


def test_a_session_stands_for_its_user_with_the_scope_of_its_token(session: Session) -> None:
    token = make_token(session, make_user(session), scope=Scope.READ)
    begun = begin(session, authenticate(session, token, NOON))
    found = authenticate(session, begun.text, NOON)
    assert (found.name, found.scope, found.token_id) == ("ada", Scope.READ, begun.id)
    assert is_session_text(begun.text)
    assert not is_session_text(token)
    assert begun.text not in str(session.execute(select(Token.__table__)).all())


def test_a_session_ends_with_its_token(session: Session, ada: Principal) -> None:
    begun, other = begin(session, ada), begin(session, ada, way=SignInWay.OIDC)
    assert token_versions(session, [begun.id, other.id], NOON).keys() == {begun.id, other.id}
    revoke_token(session, ada, ada.token_id, NOON)
    assert token_versions(session, [begun.id, other.id], NOON).keys() == {other.id}
    with pytest.raises(NotAuthenticated):
        authenticate(session, begun.text, NOON)


def test_a_session_outlives_neither_its_token_nor_its_time(session: Session, ada: Principal) -> None:
    short = create_token(session, ada, NOON, name="x", expires_at=NOON + timedelta(seconds=60)).text
    session.flush()
    begun = begin(session, authenticate(session, short, NOON))
    assert begun.ends_at == NOON + timedelta(seconds=60)
    assert begin(session, ada).ends_at == NOON + timedelta(seconds=3600)
    with pytest.raises(NotAuthenticated):
        authenticate(session, begun.text, begun.ends_at)


def test_a_session_of_a_disabled_user_lets_nobody_in(session: Session, ada: Principal) -> None:
    begun = begin(session, ada)
    session.get_one(User, ada.user_id).disabled_at = NOON
    session.flush()
    assert token_versions(session, [begun.id], NOON) == {}
    with pytest.raises(NotAuthenticated):
        authenticate(session, begun.text, NOON)


def test_neither_a_session_nor_an_ended_token_begins_one(session: Session, ada: Principal) -> None:
    begun = begin(session, ada)
    with pytest.raises(NotAuthenticated):
        begin(session, authenticate(session, begun.text, NOON))
    revoke_token(session, ada, ada.token_id, NOON)
    with pytest.raises(NotAuthenticated):
        begin(session, ada)


def test_of_too_many_sessions_the_oldest_ends(session: Session, ada: Principal) -> None:
    begun = [begin(session, ada, NOON + timedelta(seconds=number)).id for number in range(MOST_SESSIONS + 2)]
    assert ids(session, ada, NOON + timedelta(seconds=60)) == begun[:1:-1]
    ended = session.scalars(select(AuditEntry.subject).where(AuditEntry.action == "session.ended")).all()
    assert ended == begun[:2]


def test_a_session_that_ended_long_ago_is_forgotten(session: Session, ada: Principal) -> None:
    ended, expired = begin(session, ada), begin(session, ada)
    end_session(session, ada, ACTOR, ended.id, NOON)
    later = NOON + timedelta(days=31)
    kept = begin(session, ada, later - timedelta(days=3))
    begin(session, ada, later)
    left = set(session.scalars(select(Token.id).where(Token.kind == TokenKind.SESSION)))
    assert kept.id in left
    assert not {ended.id, expired.id} & left


def test_what_a_browser_says_of_itself_is_cut_to_one_line(session: Session, ada: Principal) -> None:
    begun = begin(session, ada, user_agent="Mozilla\x00\r\n\x1b[31m" + "x" * 5000, address="::1%\n" + "0" * 500)
    row = session.get_one(Token, begun.id)
    assert row.user_agent is not None
    assert row.address is not None
    assert row.user_agent.startswith("Mozilla[31mxxx")
    assert (len(row.user_agent) <= 200, len(row.address) <= 64, row.address.isprintable()) == (True, True, True)


def test_one_sees_ones_own_sessions_and_an_administrator_everybodys(session: Session, ada: Principal) -> None:
    root = authenticate(session, make_token(session, make_user(session, name="root", is_administrator=True)), NOON)
    own, theirs = begin(session, ada), begin(session, root, NOON + timedelta(seconds=1))
    assert ids(session, ada) == [own.id]
    assert ids(session, root) == [theirs.id, own.id]
    with pytest.raises(NotFound):
        end_session(session, ada, ACTOR, theirs.id, NOON)
    end_session(session, root, ACTOR, own.id, NOON)
    assert ids(session, ada) == []
    with pytest.raises(NotFound):
        end_session(session, ada, ACTOR, own.id, NOON)


def test_sessions_and_tokens_are_not_in_each_others_lists(session: Session, ada: Principal) -> None:
    begun = begin(session, ada)
    assert [token.id for token, _ in visible_tokens(session, ada, 10, None).tokens] == [ada.token_id]
    with pytest.raises(NotFound):
        end_session(session, ada, ACTOR, ada.token_id, NOON)
    with pytest.raises(NotFound):
        revoke_token(session, ada, begun.id, NOON)


def test_pages_of_sessions_are_the_list(session: Session, ada: Principal) -> None:
    begun = [begin(session, ada, NOON + timedelta(seconds=number // 2)).id for number in range(7)]
    found, after = [], None
    while True:
        page = visible_sessions(session, ada, NOON, 3, after)
        found += [row.id for row, _ in page.sessions]
        after = page.next_cursor
        if after is None:
            break
    assert found == ids(session, ada)
    assert set(found) == set(begun)
    with pytest.raises(InvalidInput):
        visible_sessions(session, ada, NOON, 3, ada.token_id)


def test_beginning_and_end_are_recorded(session: Session, ada: Principal) -> None:
    begun = begin(session, ada)
    end_session(session, ada, Actor("ada", begun.id, "192.0.2.1"), begun.id, NOON)
    rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(row.action, row.subject, row.token_id) for row in rows] == [
        ("session.begun", begun.id, ada.token_id),
        ("session.ended", begun.id, begun.id),
    ]
    assert rows[0].after == {"user": "ada", "signed_in_by": "token", "token_id": ada.token_id}


def test_a_session_that_began_as_its_token_ended_ends_too(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        ada = authenticate(session, make_token(session, make_user(session)), NOON)
    with transaction(sessions) as session:
        begun = begin(session, ada)
    with transaction(sessions) as session:
        revoke_token(session, ada, ada.token_id, NOON)
    with sessions() as session:
        assert token_versions(session, [begun.id], NOON) == {}
