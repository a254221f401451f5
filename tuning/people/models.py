"""Rows of users and their tokens."""

from datetime import datetime

from sqlalchemy import Enum, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from tuning.db.engine import Base
from tuning.people.scopes import Scope

_ScopeWord = Enum(Scope, native_enum=False, length=16, values_callable=lambda enum: [word.value for word in enum])


class User(Base):
    """Somebody, or some service, who owns jobs."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    is_administrator: Mapped[bool]
    created_at: Mapped[datetime]


class Token(Base):
    """A bearer token: random, shown once, kept as a SHA-256 (it has 256 random bits: no slow hash is needed)."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scope: Mapped[Scope] = mapped_column(_ScopeWord, server_default=Scope.READ.value)
    """Never changed: the server's memory keeps it for as long as the token holds."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
