"""users: list, show, add, change, disable, enable, delete."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

import typer

from packtrain.cli.commands.arguments import AsJson, connect
from packtrain.cli.lookup.all_pages import each_row
from packtrain.cli.screen import listing, note, say, say_json

Name = Annotated[str, typer.Argument(metavar="USER", help="The user's name.")]
RoleWord = Literal["viewer", "member", "administrator"]
Role = Annotated[RoleWord | None, typer.Option(help="viewer looks, member submits too, administrator does all.")]
Display = Annotated[str | None, typer.Option("--display-name", help="What people call them.")]
Email = Annotated[str | None, typer.Option(help="Shown to the user and to administrators only.")]


def list_users(as_json: AsJson = False) -> None:
    """List the users, with their roles and teams."""
    with connect() as api:
        found = list(each_row(api.users))
    if as_json:
        say_json({"data": found})
        return
    rows = [
        (user["name"], user["display_name"] or "", _role(user), _teams(user["teams"]), user["default_team"])
        for user in found
    ]
    listing("users", ("USER", "NAME", "ROLE", "TEAMS", "USUAL TEAM"), rows)


def show(name: Name, as_json: AsJson = False) -> None:
    """Show a user."""
    with connect() as api:
        user = api.user(name)
    if as_json:
        say_json(user)
        return
    say(f"{user['name']}{f' ({shown})' if (shown := user['display_name']) else ''}")
    for word, value in (
        ("role", _role(user)),
        ("teams", _teams(user["teams"])),
        ("usual team", user["default_team"]),
        ("e-mail", user["email"]),
    ):
        if value:
            say(f"  {word:<10}  {value}")


def add(
    name: Name,
    team: Annotated[
        list[str] | None, typer.Option(metavar="TEAM", help="A team to be in (repeat); the first is the usual one.")
    ] = None,
    role: Role = None,
    display_name: Display = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """Make a user. For administrators; `packtrain token create USER` makes a token on the service's machine.

    \b
    packtrain users add mia --team mt --display-name "Mia M."
    """
    given = {"teams": team, "role": role, "display_name": display_name, "email": email}
    with connect() as api:
        user = api.create_user(**_request(name, given))
    _tell(user, "is made", as_json=as_json)


def change(
    name: Name,
    role: Role = None,
    display_name: Display = None,
    email: Email = None,
    team: Annotated[str | None, typer.Option(metavar="TEAM", help="The usual team, one of the user's own.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change a user; an empty text takes a name or an address away. For administrators, a little of it for the user.

    \b
    packtrain users change mia --role viewer
    """
    given = {"role": role, "display_name": display_name, "email": email, "default_team": team}
    with connect() as api:
        user = api.change_user(name, **_change(given))
    _tell(user, "is changed", as_json=as_json)


def disable(
    name: Name,
    cancel_running: Annotated[
        bool, typer.Option("--cancel-running", help="Cancel what runs; else it goes on to its end.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Switch a user off: tokens and streams end, what waits of their jobs is held. For administrators."""
    with connect() as api:
        user = api.change_user(name, disabled=True, running="cancel" if cancel_running else "let")
    _tell(user, "is switched off", as_json=as_json)


def enable(name: Name, as_json: AsJson = False) -> None:
    """Switch a user on again; held jobs stay held until they are released. For administrators."""
    with connect() as api:
        user = api.change_user(name, disabled=False)
    _tell(user, "is switched on", as_json=as_json)


def delete(
    name: Name,
    hand_jobs_to: Annotated[
        str | None, typer.Option(metavar="USER", help="The user who gets the jobs and data sets.")
    ] = None,
) -> None:
    """Delete a user with their tokens and secrets. For administrators."""
    with connect() as api:
        api.delete_user(name, hand_jobs_to=hand_jobs_to)
    note(f"{name} is deleted")


def _request(name: str, given: dict[str, Any]) -> Any:
    return {"name": name, **_change(given)}


def _change(given: dict[str, Any]) -> Any:
    return {word: value for word, value in given.items() if value is not None and value != []}


def _tell(user: Any, done: str, *, as_json: bool) -> None:
    if as_json:
        say_json(user)
    else:
        note(f"{user['name']} {done}")


def _role(user: Any) -> str:
    kind = "tool" if user["is_tool"] else str(user["role"])
    return f"{kind}, off" if user["disabled"] else kind


def _teams(teams: Iterable[Any]) -> str:
    return ", ".join(f"{team['name']} (lead)" if team["is_lead"] else str(team["name"]) for team in teams)


COMMANDS: dict[str, Callable[..., Any]] = {
    "list": list_users,
    "show": show,
    "add": add,
    "change": change,
    "disable": disable,
    "enable": enable,
    "delete": delete,
}
