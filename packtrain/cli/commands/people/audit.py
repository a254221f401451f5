"""audit: the record of changes, newest first."""

import json
from typing import Annotated, Any

import typer

from packtrain.cli.commands.arguments import AsJson, connect
from packtrain.cli.screen import listing, now, say_json
from packtrain.cli.text.units import age

_LONGEST_VALUES = 60


def audit(
    actor: Annotated[str | None, typer.Option(metavar="USER", help="What this user did.")] = None,
    subject: Annotated[str | None, typer.Option(metavar="NAME", help="What was done to it, by name or id.")] = None,
    action: Annotated[str | None, typer.Option(metavar="WORD", help="An action, or its beginning: `token.`.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=500, help="So many of the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show who changed what: users, teams, limits, tokens, others' jobs, settings. For administrators.

    \b
    packtrain audit --actor mia
    packtrain audit --action user.
    """
    given = {"actor": actor, "subject": subject, "action": action}
    filters = {name: value for name, value in given.items() if value is not None}
    with connect() as api:
        page = api.audit(limit=count, **filters)
    if as_json:
        say_json(page)
        return
    moment = now()
    rows = [
        (
            age(each["at"], moment),
            each["actor"],
            each["action"],
            each["subject"],
            changed(each["before"], each["after"]),
        )
        for each in page["data"]
    ]
    listing("changes", ("AGO", "BY", "ACTION", "OF", "VALUES"), rows)


def changed(before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    """The values that differ, in a few words: `role member -> viewer`."""
    old, new = before or {}, after or {}
    words = [
        f"{name} {_text(old[name])} -> {_text(new[name])}" if name in old and name in new else f"{name} {_text(value)}"
        for name, value in {**old, **new}.items()
        if old.get(name) != new.get(name) and not (after is None and value in (None, False))
    ]
    text = ", ".join(words)
    return text if len(text) <= _LONGEST_VALUES else f"{text[: _LONGEST_VALUES - 3]}..."


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
