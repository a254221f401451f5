"""Rows of users, teams and tokens, and the record of changes."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, ForeignKey, Index, Integer, String, false
from sqlalchemy.orm import Mapped, mapped_column

from tuning.db.engine import Base
from tuning.people.roles import Role
from tuning.people.scopes import Scope

LAB_TEAM_ID = "team_lab"
"""The team `lab`, which every database has: of everybody who was there before there were teams."""
MOST_ADDRESS = 64
MOST_ISSUER, MOST_SUBJECT = 500, 255
MOST_USER_AGENT = 200
_BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only a plain INTEGER key
_RoleWord = Enum(Role, native_enum=False, length=16, values_callable=lambda enum: [word.value for word in enum])
_ScopeWord = Enum(Scope, native_enum=False, length=16, values_callable=lambda enum: [word.value for word in enum])


class TokenKind(StrEnum):
    """Use of a token: by a program that sends its text, or by a browser that keeps it in a cookie."""

    TOKEN = "token"  # noqa: S105 - a word for a kind
    SESSION = "session"


class SignInWay(StrEnum):
    """Way in which somebody showed who they are when their session began."""

    TOKEN = "token"  # noqa: S105 - a word for a way
    OIDC = "oidc"
    PROXY = "proxy"


_KindWord = Enum(TokenKind, native_enum=False, length=16, values_callable=lambda enum: [word.value for word in enum])
_WayWord = Enum(SignInWay, native_enum=False, length=16, values_callable=lambda enum: [word.value for word in enum])


class User(Base):
    """Person or service that owns jobs."""

    __tablename__ = "users"
    __table_args__ = (Index("ix_users_oidc_issuer_oidc_subject", "oidc_issuer", "oidc_subject", unique=True),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    role: Mapped[Role] = mapped_column(_RoleWord, default=Role.MEMBER, server_default=Role.MEMBER.value)
    is_tool: Mapped[bool] = mapped_column(default=False, server_default=false())
    """A service rather than a person: it belongs to one team."""
    display_name: Mapped[str | None] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(320))
    default_team_id: Mapped[str] = mapped_column(String(32), default=LAB_TEAM_ID, server_default=LAB_TEAM_ID)
    """Team of the jobs that name none; one of the user's own teams."""
    disabled_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Grows with every change of the user or of their memberships: what memory holds of them is then looked up anew."""
    oidc_issuer: Mapped[str | None] = mapped_column(String(MOST_ISSUER))
    """With `oidc_subject` the account of a provider that the user signs in by; None until a first time."""
    oidc_subject: Mapped[str | None] = mapped_column(String(MOST_SUBJECT))
    created_at: Mapped[datetime]

    @property
    def is_administrator(self) -> bool:
        """Whether the role is that of an administrator."""
        return self.role is Role.ADMINISTRATOR


class Team(Base):
    """A team, with its shares of the lab's GPU time."""

    __tablename__ = "teams"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    shares: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[datetime]


class Membership(Base):
    """A user of a team, with their shares of what the team has."""

    __tablename__ = "memberships"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    shares: Mapped[int] = mapped_column(default=1, server_default="1")
    is_lead: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime]


class AuditEntry(Base):
    """A change of people, limits, tokens, jobs or settings: never changed itself, and it outlives what it names."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_subject_kind_subject_id", "subject_kind", "subject", "id"),
        Index("ix_audit_actor_id", "actor", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(_BigId, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(100))
    """Name of the user; `operator` for a command on the service's own machine, `packtrain` for the service itself."""
    token_id: Mapped[str | None] = mapped_column(String(32))
    address: Mapped[str | None] = mapped_column(String(MOST_ADDRESS))
    """Network address that the request came from."""
    action: Mapped[str] = mapped_column(String(64))
    """Such as user.disabled, token.created, limit.changed, job.cancel."""
    subject_kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(200))
    """Name or id."""
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]


class Token(Base):
    """A bearer token or a session: random, shown once, kept as a SHA-256 (256 random bits need no slow hash)."""

    __tablename__ = "tokens"
    __table_args__ = (Index("ix_tokens_kind_created_at_id", "kind", "created_at", "id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scope: Mapped[Scope] = mapped_column(_ScopeWord, server_default=Scope.READ.value)
    """Never changed: the server's memory keeps it for as long as the token holds."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    kind: Mapped[TokenKind] = mapped_column(_KindWord, default=TokenKind.TOKEN, server_default=TokenKind.TOKEN.value)
    parent_id: Mapped[str | None] = mapped_column(String(32), index=True)
    """Of a session: the token that signed in, with which it ends."""
    signed_in_by: Mapped[SignInWay | None] = mapped_column(_WayWord)
    address: Mapped[str | None] = mapped_column(String(MOST_ADDRESS))
    """Of a session: the network address that it began from."""
    user_agent: Mapped[str | None] = mapped_column(String(MOST_USER_AGENT))
    """Of a session: the browser, as it called itself."""
