"""token: create, list, revoke. They work on the database itself: whoever can read it needs no token to make one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packtrain.cli.screen import listing, note, now, say, say_json
from packtrain.cli.text.units import clock_time
from tuning.people.scopes import Scope

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tuning.people.models import Token

_WORDS = ("id", "user", "scope", "name")
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def create(
    user: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is; a new user is made when there is none.")],
    admin: Annotated[bool, typer.Option("--admin", help="An administrator's.")] = False,
    scope: Annotated[
        Scope | None,
        typer.Option(help="What it may do: submit is usual, and admin for administrators."),
    ] = None,
    label: Annotated[str, typer.Option(help="What the token is for.")] = "made by packtrain token create",
    expires: Annotated[int | None, typer.Option(min=1, metavar="DAYS", help="In how many days it ends.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the token and nothing else.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, this one time.

    \b
    packtrain token create --admin alice
    packtrain token create nightly-ci --expires 90
    packtrain token create wallboard --scope read
    """
    from tuning.people.tokens import create_operator_token

    moment = datetime.now(UTC)
    expires_at = moment + timedelta(days=expires) if expires is not None else None
    with _session() as session:
        text = create_operator_token(
            session,
            user_name=user,
            name=label,
            now=moment,
            is_administrator=admin,
            scope=scope,
            expires_at=expires_at,
        )
    if as_json:
        say_json({"user": user, "name": label, "token": text, "expires_at": expires_at and expires_at.isoformat()})
    else:
        say(text)
    if not quiet:
        note("keep it: it is not shown again")


def list_tokens(as_json: AsJson = False) -> None:
    """List the tokens that are not revoked. Their texts are not kept."""
    from tuning.people.queries import tokens_of

    with _session() as session:
        tokens = [_token_json(token, user) for token, user in tokens_of(session, None)]
    if as_json:
        say_json({"data": tokens})
        return
    moment = now()
    days = ("created_at", "expires_at")
    listing(
        "tokens",
        ("TOKEN", "USER", "SCOPE", "FOR", "CREATED", "EXPIRES"),
        [
            (
                *(str(token[name]) for name in _WORDS),
                *(clock_time(at, moment) if (at := token[day]) else "" for day in days),
            )
            for token in tokens
        ],
    )


def revoke(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="A token's id, tok_...")], as_json: AsJson = False
) -> None:
    """End a token at once."""
    from tuning.errors import NotFound
    from tuning.people.audit import Change, operator, record
    from tuning.people.models import TokenKind
    from tuning.people.queries import revoke as revoke_token
    from tuning.people.queries import token_by_id

    with _session() as session:
        found = token_by_id(session, token)
        if found is None or found.kind is not TokenKind.TOKEN or found.revoked_at is not None:
            raise NotFound(f"there is no valid token {token}", hint="see `packtrain token list`")
        moment = datetime.now(UTC)
        revoke_token(session, token, moment)
        record(session, operator(), Change("token.revoked", "token", token, before={"name": found.name}), moment)
    if as_json:
        say_json({"id": token, "revoked": True})
    else:
        note(f"{token} is revoked")


@contextmanager
def _session() -> Iterator["Session"]:
    from ops.databases import opened_existing
    from tuning.db.engine import open_sessions, transaction
    from tuning.settings import load_settings

    with opened_existing(load_settings().database_url) as engine, transaction(open_sessions(engine)) as session:
        yield session


def _token_json(token: "Token", user: str) -> dict[str, str | None]:
    ends = token.expires_at
    moments = {"created_at": token.created_at.isoformat(), "expires_at": ends.isoformat() if ends is not None else None}
    return {"id": token.id, "user": user, "scope": token.scope, "name": token.name, **moments}


COMMANDS: dict[str, Callable[..., Any]] = {"create": create, "list": list_tokens, "revoke": revoke}
