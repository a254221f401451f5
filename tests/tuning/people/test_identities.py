"""Users behind identities: found, linked, made, refused; and what their groups change."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import NOON, make_team, make_user
from tuning.errors import NotAllowed
from tuning.people.identities import Account, Identity, IdentityRules, principal_of_user, user_of_identity
from tuning.people.models import AuditEntry, User
from tuning.people.queries import teams_of_user
from tuning.people.roles import Role, Visibility
from tuning.people.scopes import Scope

ACCOUNT = Account("https://id.lab", "sub-1")
OPEN = IdentityRules(may_make_users=True)
CLOSED = IdentityRules(may_make_users=False)
LINKING = IdentityRules(may_make_users=False, may_link_users=True)


def user_of(session: Session, identity: Identity, rules: IdentityRules = OPEN) -> User:
    return user_of_identity(session, identity, rules, NOON, "192.0.2.1")


def teams(session: Session, user: User) -> dict[str, bool]:
    return {team.name: team.is_lead for team in teams_of_user(session, user.id)}


def test_an_account_keeps_its_user_whatever_it_is_called(session: Session) -> None:
    first = user_of(session, Identity("ada", ACCOUNT))
    assert user_of(session, Identity("lovelace", ACCOUNT), CLOSED) is first
    assert session.scalars(select(User.name)).all() == ["ada"]


def test_a_name_that_moved_on_hands_over_no_user(session: Session) -> None:
    user_of(session, Identity("ada", ACCOUNT))
    for other in (Account("https://id.lab", "sub-2"), Account("https://other.lab", "sub-1")):
        with pytest.raises(NotAllowed, match="belongs to another account"):
            user_of(session, Identity("ada", other), LINKING)


def test_a_user_who_was_here_before_is_linked_only_where_that_is_allowed(session: Session) -> None:
    ada = make_user(session, name="ada")
    with pytest.raises(NotAllowed, match="already"):
        user_of(session, Identity("ada", ACCOUNT), OPEN)
    assert user_of(session, Identity("ada", ACCOUNT), LINKING) is ada
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.actor, entry.action, entry.subject, entry.address) == (
        "packtrain", "user.linked", "ada", "192.0.2.1",
    )  # fmt: skip
    assert entry.after == {"issuer": "https://id.lab", "subject": "sub-1"}


def test_a_user_is_made_only_where_that_is_allowed(session: Session) -> None:
    with pytest.raises(NotAllowed, match="there is no user ada here"):
        user_of(session, Identity("ada", ACCOUNT), CLOSED)
    made = user_of(session, Identity("ada", ACCOUNT, display_name="Ada", email="a@lab.org"))
    assert (made.display_name, made.email, made.role, teams(session, made)) == (
        "Ada", "a@lab.org", Role.MEMBER, {"lab": False},
    )  # fmt: skip


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 101, "a\n", "operator", "packtrain", "<b>"])
def test_a_name_that_cannot_be_a_users_is_refused(session: Session, name: str) -> None:
    with pytest.raises(NotAllowed, match="cannot be a user's name"):
        user_of(session, Identity(name, ACCOUNT))


def test_a_tool_signs_in_nowhere(session: Session) -> None:
    make_user(session, name="ci").is_tool = True
    session.flush()
    for account in (ACCOUNT, None):
        with pytest.raises(NotAllowed, match="tool"):
            user_of(session, Identity("ci", account), LINKING)


def test_a_proxys_names_are_those_of_users(session: Session) -> None:
    ada = make_user(session, name="ada")
    assert user_of(session, Identity("ada"), CLOSED) is ada
    assert ada.oidc_subject is None
    assert user_of(session, Identity("bob")).oidc_subject is None


def test_whoever_is_switched_off_stays_out(session: Session) -> None:
    user_of(session, Identity("ada", ACCOUNT)).disabled_at = NOON
    with pytest.raises(NotAllowed, match="switched off"):
        user_of(session, Identity("ada", ACCOUNT))


def test_groups_put_into_teams_and_take_out_of_those_that_they_rule(session: Session) -> None:
    ada = make_user(session, name="ada")
    for name in ("mt", "asr", "own"):
        make_team(session, name, *([ada] if name != "mt" else []))
    grants = {"g-mt": ("lead:mt",), "g-asr": ("team:asr",), "g-none": ("team:none",)}
    user_of(session, Identity("ada", groups=["g-mt", "g-none"]), IdentityRules(False, grants=grants))
    assert teams(session, ada) == {"lab": False, "mt": True, "own": False}
    user_of(session, Identity("ada", groups=["g-asr"]), IdentityRules(False, grants=grants))
    assert teams(session, ada) == {"lab": False, "asr": False, "own": False}
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["member.set", "member.removed", "member.set", "member.removed"]


def test_the_same_groups_again_change_nothing(session: Session) -> None:
    make_team(session, "mt")
    rules = IdentityRules(True, grants={"g": ("lead:mt", "administrator")})
    ada = user_of(session, Identity("ada", ACCOUNT, groups=["g"]), rules)
    version, entries = ada.version, len(session.scalars(select(AuditEntry)).all())
    user_of(session, Identity("ada", ACCOUNT, groups=["g"]), rules)
    assert (ada.version, len(session.scalars(select(AuditEntry)).all())) == (version, entries)


def test_whoever_would_be_in_no_team_is_put_into_the_labs(session: Session) -> None:
    make_team(session, "mt")
    rules = IdentityRules(True, grants={"g": ("team:mt",), "h": ("team:lab",)})
    ada = user_of(session, Identity("ada", ACCOUNT, groups=["g"]), rules)
    assert (teams(session, ada), ada.default_team_id != "team_lab") == ({"mt": False}, True)
    user_of(session, Identity("ada", ACCOUNT), rules)
    assert (teams(session, ada), ada.default_team_id) == ({"lab": False}, "team_lab")
    user_of(session, Identity("ada", ACCOUNT), rules)
    assert teams(session, ada) == {"lab": False}


def test_the_last_administrator_keeps_the_role(session: Session) -> None:
    rules = IdentityRules(True, grants={"admins": ("administrator",)})
    ada = user_of(session, Identity("ada", ACCOUNT, groups=["admins"]), rules)
    assert user_of(session, Identity("ada", ACCOUNT), rules).role is Role.ADMINISTRATOR
    make_user(session, name="root", is_administrator=True)
    assert user_of(session, Identity("ada", ACCOUNT), rules).role is Role.MEMBER
    assert principal_of_user(session, ada).scope is Scope.SUBMIT


def test_a_principal_without_a_token_knows_teams_and_sight(session: Session) -> None:
    ada = make_user(session, name="ada")
    make_team(session, "mt", leads=(ada,))
    principal = principal_of_user(session, ada, Visibility.TEAM)
    assert ([team.name for team in principal.teams], principal.visible) == (["lab", "mt"], Visibility.TEAM)
    assert (principal.scope, principal.version, len(principal.led_teams)) == (Scope.SUBMIT, ada.version, 1)
