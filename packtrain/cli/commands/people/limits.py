"""limits: list, set, remove; and usage."""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from packtrain.cli.commands.arguments import AsJson, connect
from packtrain.cli.screen import listing, note, now, say_json, say_text
from packtrain.cli.text.units import clock_time, number
from packtrain.errors import Finding, InvalidInput

if TYPE_CHECKING:
    from packtrain.schema import Limit, LimitRequest


class Kind(str, Enum):
    """Kind of a limit."""

    running_jobs = "running_jobs"
    gpus = "gpus"
    queued_jobs = "queued_jobs"
    gpu_hours_30_days = "gpu_hours_30_days"
    time_limit_seconds = "time_limit_seconds"
    dataset_bytes = "dataset_bytes"
    result_bytes = "result_bytes"


class Class(str, Enum):
    """Class of a job."""

    urgent = "urgent"
    normal = "normal"
    scavenger = "scavenger"


class By(str, Enum):
    """Grouping of used GPU time."""

    user = "user"
    team = "team"
    cluster = "cluster"


def list_limits(as_json: AsJson = False) -> None:
    """List the limits that hold for you, and how much of each is in use. Administrators see all."""
    with connect() as api:
        page = api.limits()
    if as_json:
        say_json(page)
        return
    listing("limits", ("LIMIT", "IN USE", "NEXT END", "ID"), [_row(limit) for limit in page["data"]])


def set_limit(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help=f"One of {', '.join(kind.value for kind in Kind)}.")],
    amount: Annotated[float, typer.Argument(metavar="AMOUNT", min=0, help="So much at most.")],
    user: Annotated[
        str | None, typer.Option(help="Of this user; '*' = each without such a limit of their own.")
    ] = None,
    team: Annotated[str | None, typer.Option(help="Of this team; '*' = each, likewise.")] = None,
    member: Annotated[
        str | None, typer.Option(help="Of this member of the team, in its jobs; '*' = each, likewise.")
    ] = None,
    cluster: Annotated[str | None, typer.Option(help="On this cluster only.")] = None,
    partition: Annotated[str | None, typer.Option(help="Of jobs that ask for this partition only.")] = None,
    job_class: Annotated[Class | None, typer.Option("--class", help="Of jobs of this class only.")] = None,
) -> None:
    """Set a limit of a user, a team, one of its members or, without any, of everybody together.

    For administrators; of members for leads of their team, too.

    \b
    packtrain limits set gpus 8 --team mt
    packtrain limits set gpus 2 --team mt --member ana
    packtrain limits set running_jobs 0 --user '*' --class urgent
    """
    with connect() as api:
        made = api.set_limit(
            **_request(kind, amount, _whose(user, team, member), _narrowing(cluster, partition, job_class))
        )
    note(f"{made['words']}: {number(made['in_use'])} in use now")


def remove(limit_id: Annotated[str, typer.Argument(metavar="ID", help="As `packtrain limits list` shows it.")]) -> None:
    """Take a limit away. For administrators; of members for leads of their team, too."""
    with connect() as api:
        api.remove_limit(limit_id)
    note(f"{limit_id} is removed")


def usage(
    by: Annotated[By, typer.Option(help="Whose: of each user, team or cluster.")] = By.user,
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First day; by default of 30.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day; by default today.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print it as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the GPU time that users, teams or clusters had. What runs is counted up to now."""
    with connect() as api:
        if as_csv:
            say_text(api.usage_csv(by.value, first=first, last=last).rstrip("\n"))
            return
        report = api.usage(by.value, first=first, last=last)
    if as_json:
        say_json(report)
        return
    rows = [
        (row["name"], f"{row['gpu_hours']:.1f}", str(row["jobs"]), str(row["running_jobs"])) for row in report["data"]
    ]
    listing("use", (by.value.upper(), "GPU HOURS", "ENDED", "RUNNING"), rows)


def _narrowing(cluster: str | None, partition: str | None, job_class: Class | None) -> dict[str, str]:
    given = {"cluster": cluster, "partition": partition, "class": job_class.value if job_class else None}
    return {name: value for name, value in given.items() if value is not None}


def _whose(user: str | None, team: str | None, member: str | None) -> dict[str, str]:
    """Raises InvalidInput where both a user and a team are named, or a member of no team."""
    if user is not None and (team is not None or member is not None):
        hint = "set two limits, or name a member of the team with --member"
        raise InvalidInput([Finding((), "a limit is of a user or of a team, not of both", hint)])
    if member is not None:
        if team is None:
            raise InvalidInput([Finding((), "a member of which team?", "name it with --team")])
        return {"subject_kind": "member", "team": team, "subject": member}
    if user is not None:
        return {"subject_kind": "user", "subject": user}
    return {"subject_kind": "team", "subject": team} if team is not None else {"subject_kind": "everybody"}


def _request(kind: Kind, amount: float, whose: dict[str, str], narrowing: dict[str, str]) -> "LimitRequest":
    return cast("LimitRequest", {**whose, "kind": kind.value, "amount": amount, **narrowing})


def _row(limit: "Limit") -> tuple[str, str, str, str]:
    most = f" ({limit['most_used_by']})" if limit["most_used_by"] else ""
    ends = [holder["expected_end_at"] for holder in limit["held_by"]]
    next_end = clock_time(ends[0], now()) if ends and ends[0] else "-"
    return limit["words"], f"{number(limit['in_use'])}{most}", next_end, limit["id"]


COMMANDS: dict[str, Callable[..., Any]] = {"list": list_limits, "set": set_limit, "remove": remove}
