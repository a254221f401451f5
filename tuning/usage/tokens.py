"""Tokens that people had of served models, by day, person and model."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

from sqlalchemy import Executable, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from tuning.people.directory import owner_is_seen
from tuning.people.models import User
from tuning.people.tokens import Principal
from tuning.usage.models import TokenDay

_SUMS = ("requests", "prompt_tokens", "completion_tokens")


@dataclass(frozen=True)
class Tokens:
    """Tokens of one answer."""

    prompt: int
    completion: int


@dataclass(frozen=True)
class TokenUse:
    """Answers and tokens of a person from a model."""

    user: str
    model: str
    requests: int
    prompt_tokens: int
    completion_tokens: int


def add_tokens(session: Session, user_id: str, model: str, tokens: Tokens, now: datetime) -> None:
    """Count one answer, on the day (UTC) of its end: one statement, however many end at once."""
    values = {"user_id": user_id, "model": model, "day": now.astimezone(UTC).date(), "requests": 1}
    values |= {"prompt_tokens": tokens.prompt, "completion_tokens": tokens.completion}
    session.connection().execute(_adding(session.get_bind().dialect.name), values)


def token_use(session: Session, first: date, last: date, reader: Principal, most: int) -> list[TokenUse]:
    """Uses from one day to another, both among them, the most first; of others what the reader may see."""
    day, total = TokenDay.day, func.sum(TokenDay.prompt_tokens + TokenDay.completion_tokens)
    sums = [func.sum(getattr(TokenDay, name)) for name in _SUMS]
    wanted = (
        select(User.name, TokenDay.model, *sums)
        .join(User, User.id == TokenDay.user_id)
        .where(day >= first, day <= last, owner_is_seen(reader, TokenDay.user_id))
        .group_by(User.name, TokenDay.model)
        .order_by(total.desc(), User.name, TokenDay.model)
        .limit(most)
    )
    return [TokenUse(*row) for row in session.execute(wanted)]


@cache
def _adding(dialect: str) -> Executable:
    insert = postgresql.insert(TokenDay) if dialect == "postgresql" else sqlite.insert(TokenDay)
    sums = {name: getattr(TokenDay, name) + insert.excluded[name] for name in _SUMS}
    return insert.on_conflict_do_update(index_elements=["user_id", "model", "day"], set_=sums)
