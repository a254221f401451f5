"""Users behind identities that somebody else vouches for: an OIDC provider, or a proxy in front.

An identity of a provider is its issuer and subject, which are kept with the user: a name that moves on to somebody else
over there does not hand over a user here.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from tuning.errors import Conflict, NotAllowed
from tuning.people.audit import SERVICE, Actor, Change, record
from tuning.people.directory import teams_by_name
from tuning.people.groups import Given, GroupGrants, given_by
from tuning.people.models import LAB_TEAM_ID, Team, User
from tuning.people.queries import teams_of_user, user_by_name, user_of_subject
from tuning.people.roles import Role, Visibility
from tuning.people.scopes import usual_scope
from tuning.people.teams import remove_member, set_member
from tuning.people.tokens import USER_NAME, Principal
from tuning.people.users import NewUser, UserChange, add_user, change_user

_log = logging.getLogger(__name__)
_NOT_FOR_USERS = frozenset({"operator", SERVICE.name})
"""As these the record of changes names a command, and the service."""
_ASK = "ask an administrator"


@dataclass(frozen=True)
class Identity:
    """Person as a provider or a proxy describes them."""

    user_name: str
    account: "Account | None" = None
    """None: a proxy's word, whose names are those of users."""
    groups: Sequence[str] = ()
    display_name: str | None = None
    email: str | None = None


@dataclass(frozen=True)
class Account:
    """Account of an OIDC provider: the pair of claims that never moves on to somebody else."""

    issuer: str
    subject: str


@dataclass(frozen=True)
class IdentityRules:
    """Rules of the operator for a first sign-in, and the grants of groups."""

    may_make_users: bool
    may_link_users: bool = False
    grants: GroupGrants = field(default_factory=dict)


def user_of_identity(session: Session, identity: Identity, rules: IdentityRules, now: datetime, address: str) -> User:
    """The user of an identity, with the role and teams that its groups give now; perhaps made or linked by this.

    Raises NotAllowed for whoever does not get in, and Conflict where a user was made at the same moment.
    """
    actor = Actor(SERVICE.name, address=address)
    user = _known(session, actor, identity, rules, now) or _made(session, actor, identity, rules, now)
    if user.disabled_at is not None:
        raise NotAllowed(f"{user.name} is switched off", hint=_ASK)
    if rules.grants:
        _give(session, actor, user, given_by(rules.grants, identity.groups, user.role), now)
    return user


def principal_of_user(session: Session, user: User, visible: Visibility = Visibility.EVERYBODY) -> Principal:
    """Principal of a user who signed in without a token, with the scope that is usual for their role."""
    known = (user.default_team_id, teams_of_user(session, user.id), user.role, user.version, visible)
    return Principal(user.id, user.name, "", usual_scope(user.role), *known)


def _known(session: Session, actor: Actor, identity: Identity, rules: IdentityRules, now: datetime) -> User | None:
    """The user who is there already. Raises NotAllowed where it is somebody else's."""
    account = identity.account
    if account is not None and (own := user_of_subject(session, account.issuer, account.subject)) is not None:
        return own
    user = user_by_name(session, identity.user_name)
    if user is None:
        return None
    if user.is_tool:
        raise NotAllowed(f"{user.name} is a tool, which signs in nowhere", hint=_ASK)
    if account is not None:
        _link(session, actor, user, account, rules, now)
    return user


def _link(session: Session, actor: Actor, user: User, account: Account, rules: IdentityRules, now: datetime) -> None:
    if user.oidc_subject is not None:
        raise NotAllowed(f"the user {user.name} belongs to another account of the provider", hint=_ASK)
    if not rules.may_link_users:
        hint = f"sign in with a token, or {_ASK}: the operator decides with PACKTRAIN_OIDC_LINK_EXISTING"
        raise NotAllowed(f"there is a user {user.name} already, who is not linked to your account", hint=hint)
    _bind(session, actor, user, account, now)


def _made(session: Session, actor: Actor, identity: Identity, rules: IdentityRules, now: datetime) -> User:
    name = identity.user_name
    if not re.fullmatch(USER_NAME, name) or name in _NOT_FOR_USERS:
        hint = (
            "letters, digits and . _ @ -, at most 100, a letter or digit first; the operator can choose another claim"
        )
        raise NotAllowed(f"{name[:100]!r} cannot be a user's name here", hint=hint)
    if not rules.may_make_users:
        raise NotAllowed(f"there is no user {name} here", hint=f"{_ASK} to make one")
    given = given_by(rules.grants, identity.groups, Role.MEMBER)
    teams = sorted(teams_by_name(session, given.teams)) or [session.get_one(Team, LAB_TEAM_ID).name]
    new = NewUser(name, teams, display_name=identity.display_name, email=identity.email)
    user = add_user(session, actor, new, now)
    if identity.account is not None:
        _bind(session, actor, user, identity.account, now)
    return user


def _bind(session: Session, actor: Actor, user: User, account: Account, now: datetime) -> None:
    user.oidc_issuer, user.oidc_subject = account.issuer, account.subject
    session.flush()
    after = {"issuer": account.issuer, "subject": account.subject}
    record(session, actor, Change("user.linked", "user", user.name, after=after), now)


def _give(session: Session, actor: Actor, user: User, given: Given, now: datetime) -> None:
    if given.role is not None and given.role is not user.role:
        _change_role(session, actor, user, given.role, now)
    own = {team.name: team.is_lead for team in teams_of_user(session, user.id)}
    teams = teams_by_name(session, given.teams.keys() | given.ruled_teams)
    if missing := sorted(given.teams.keys() - teams.keys()):
        _log.warning("groups give teams that are not there", extra={"action": "sign_in", "teams": missing})
    for name, leads in given.teams.items():
        if name in teams and (name not in own or leads not in (None, own[name])):
            wanted = {"is_lead": leads} if leads is not None else {}
            set_member(session, actor, teams[name], user, now, **wanted)
    for name in sorted((own.keys() & given.ruled_teams) - given.teams.keys()):
        _leave(session, actor, user, teams[name], now)


def _change_role(session: Session, actor: Actor, user: User, role: Role, now: datetime) -> None:
    try:
        change_user(session, actor, user, UserChange(role=role), now)
    except Conflict as error:  # the last administrator stays one
        _log.warning("groups do not change a role: %s", error, extra={"action": "sign_in", "user": user.name})


def _leave(session: Session, actor: Actor, user: User, team: Team, now: datetime) -> None:
    """Out of a team; whoever would be in none is put into the lab's, and stays where that is the one."""
    if len(teams_of_user(session, user.id)) == 1:
        if team.id == LAB_TEAM_ID:
            return
        set_member(session, actor, session.get_one(Team, LAB_TEAM_ID), user, now)
    remove_member(session, actor, team, user, now)
