"""teams: list, show, add, shares, delete, and their members."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from packtrain.cli.commands.arguments import AsJson, connect
from packtrain.cli.lookup.all_pages import each_row
from packtrain.cli.screen import listing, note, say_json

Name = Annotated[str, typer.Argument(metavar="TEAM", help="The team's name.")]
User = Annotated[str, typer.Argument(metavar="USER", help="The user's name.")]


def list_teams(as_json: AsJson = False) -> None:
    """List the teams with their shares of the lab."""
    with connect() as api:
        found = list(each_row(api.teams))
    if as_json:
        say_json({"data": found})
        return
    rows = [(team["name"], str(team["shares"]), str(team["member_count"]), ", ".join(team["leads"])) for team in found]
    listing("teams", ("TEAM", "SHARES", "MEMBERS", "LEADS"), rows)


def show(name: Name, as_json: AsJson = False) -> None:
    """List the members of a team, with their shares of what the team has."""
    with connect() as api:
        team = api.team(name)
    if as_json:
        say_json(team)
        return
    rows = [
        (each["name"], each["display_name"] or "", str(each["shares"]), "yes" if each["is_lead"] else "")
        for each in team["members"]
    ]
    listing("members", ("USER", "NAME", "SHARES", "LEAD"), rows)


def add(
    name: Name,
    shares: Annotated[int, typer.Option(min=0, help="Of the lab, beside those of the other teams.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Make a team. For administrators."""
    with connect() as api:
        team = api.create_team(name=name, shares=shares)
    _tell(team, "is made", as_json=as_json)


def set_shares(
    name: Name,
    shares: Annotated[int, typer.Argument(metavar="SHARES", min=0, help="Of the lab.")],
    as_json: AsJson = False,
) -> None:
    """Give a team other shares. For administrators."""
    with connect() as api:
        team = api.change_team(name, shares=shares)
    _tell(team, f"has {shares} shares", as_json=as_json)


def delete(name: Name) -> None:
    """Delete a team that has no jobs. For administrators."""
    with connect() as api:
        api.delete_team(name)
    note(f"{name} is deleted")


def put(
    name: Name,
    user: User,
    shares: Annotated[int | None, typer.Option(min=0, help="Of what the team has; 1 for a new member.")] = None,
    lead: Annotated[
        bool | None, typer.Option("--lead/--no-lead", help="Whether they lead the team. For administrators.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a user into a team, or change a member. For leads of the team and administrators.

    \b
    packtrain teams put mt mia --shares 2
    """
    changes: Any = {word: value for word, value in (("shares", shares), ("is_lead", lead)) if value is not None}
    with connect() as api:
        team = api.set_member(name, user, **changes)
    _tell(team, f"has {user}", as_json=as_json)


def remove(name: Name, user: User) -> None:
    """Take a user out of a team; their jobs stay the team's. For leads of the team and administrators."""
    with connect() as api:
        api.remove_member(name, user)
    note(f"{user} is not in {name} any more")


def _tell(team: Any, done: str, *, as_json: bool) -> None:
    if as_json:
        say_json(team)
    else:
        note(f"{team['name']} {done}")


COMMANDS: dict[str, Callable[..., Any]] = {
    "list": list_teams,
    "show": show,
    "add": add,
    "shares": set_shares,
    "delete": delete,
    "put": put,
    "remove": remove,
}
