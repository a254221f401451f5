"""list, show, cancel, retry, hold, release."""

from datetime import datetime
from typing import Annotated, Any, cast

import typer

from packtrain.cli.commands.arguments import AsJson, JobId, Limit, connect
from packtrain.cli.job_text import attempt_lines, ending, how_to_retry, measures, status_line, steps, time_left
from packtrain.cli.screen import listing, note, now, say, say_json
from packtrain.cli.units import age, clock_time, duration
from packtrain.errors import Conflict
from packtrain.schema import Job, JobFields
from packtrain.transport.long_poll import ENDED


def list_jobs(
    status: Annotated[
        list[str] | None, typer.Option(help="Only these: queued, pending, running, failed, ... Repeatable.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Only this user's.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Only on this cluster.")] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only with this tag. Repeatable.")] = None,
    search: Annotated[str | None, typer.Option(metavar="WORDS", help="Only with these words in the name.")] = None,
    after: Annotated[str | None, typer.Option(metavar="CURSOR", help="The next page, as the last one said.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first.

    \b
    packtrain list --status running
    packtrain list --tag team=mt --limit 100
    """
    tags = [word.partition("=") for word in tag or ()]
    if wrong := [key for key, equals, _ in tags if not (key and equals)]:
        raise typer.BadParameter(f"--tag {wrong[0]} is no KEY=VALUE")
    asked: dict[str, str | list[str] | None] = {
        "status": status, "owner": owner, "cluster": cluster, "q": search, "tag": [f"{key}:{it}" for key, _, it in tags]
    }  # fmt: skip
    with connect() as api:
        page = api.jobs(limit=limit, after=after, **{name: value for name, value in asked.items() if value})
    if as_json:
        say_json(page)
        return
    moment = now()
    columns = ("JOB", "NAME", "STATUS", "STEPS", "LEFT", "OWNER", "AGE")
    listing("jobs", columns, [_row(job, moment) for job in page["data"]])
    if page["has_more"]:
        note(f"there are more: --after {page['next']}")


def show(job: JobId, as_json: AsJson = False) -> None:
    """Show one job."""
    with connect() as api:
        found = api.job(job)
        events = [] if as_json else list(api.events(job))
    if as_json:
        say_json(found)
        return
    moment = now()
    for line in _details(found, moment):
        say(line)
    say("")
    for event in events:
        at = clock_time(event["at"], moment, to_the_second=True)
        say(f"  {at}  {event['type']:<14}  {event['message']}".rstrip())


def cancel(
    job: JobId,
    save: Annotated[bool, typer.Option("--save", help="Let a running training save a checkpoint first.")] = False,
) -> None:
    """Ask for a job's end. It is cancelled once Slurm has confirmed it."""
    with connect() as api:
        found = api.cancel(job, save=save)
    say(f"{found['id']} {found['status']}" + ("" if found["status"] in ENDED else ", to be cancelled"))


def retry(
    job: JobId,
    advised: Annotated[bool, typer.Option("--advised", help="With the changes that its failure advises.")] = False,
) -> None:
    """Queue the same run as a new job.

    \b
    packtrain retry job_abc
    packtrain retry job_abc --advised
    """
    with connect() as api:
        found = api.retry(job, **_advised_changes(api.job(job)) if advised else {})
    say(f"{found['id']}  {found['name']}  {found['status']}")
    note(f"follow it with: packtrain watch {found['id']}")


def hold(job: JobId) -> None:
    """Keep a queued job from being submitted, or take one back from Slurm; a training saves a checkpoint first."""
    with connect() as api:
        found = api.hold(job)
    say(f"{found['id']} {found['status']}" + ("" if found["status"] == "held" else ", to be held"))


def release(job: JobId) -> None:
    """Let a held job go, from its newest checkpoint where it has one."""
    with connect() as api:
        found = api.release(job)
    say(f"{found['id']} {found['status']}")


def _advised_changes(job: Job) -> JobFields:
    """Raises Conflict where its failure, if it has one, has nothing to be changed by a machine."""
    failure = job["failure"]
    changes = failure.get("retry") if failure else None
    if changes is None:
        reason = failure["hint"] if failure else None
        raise Conflict(f"there is no advice on how to retry {job['id']}", hint=reason)
    return cast(JobFields, changes)


def _row(job: Job, moment: datetime) -> tuple[str, ...]:
    progress = job["progress"]
    current, total, left = progress["current_steps"], progress["total_steps"], progress["eta_seconds"]
    done = "" if current is None else f"{current}/{total}" if total else str(current)
    remaining = duration(left) if left is not None and job["status"] not in ENDED else ""
    return job["id"], job["name"], job["status"], done, remaining, job["owner"], age(job["created_at"], moment)


def _details(job: Job, moment: datetime) -> list[str]:
    progress = job["progress"]
    ended = job["status"] in ENDED
    asked = [(key, value) for key, value in job["resources"].items() if key != "cluster"]
    facts: dict[str, Any] = {
        "name": job["name"],
        "kind": job["kind"] if job["kind"] != "train" else None,
        "owner": job["owner"],
        "created": clock_time(job["created_at"], moment),
        "cluster": job["cluster"],
        "slurm": _slurm(job),
        "recipe": job["recipe"],
        "from": job["source_job"],
        "after": "  ".join(job["depends_on"]),
        "asks for": "  ".join(f"{key}={value}" for key, value in asked if value is not None),
        "tags": "  ".join(f"{key}={value}" for key, value in job["tags"].items()),
        "steps": steps(progress),
        "numbers": measures(progress),
        "left": None if ended else time_left(progress, moment),
    }
    head = ending(job) if ended else [f"{job['id']} {status_line(job, moment)}"]
    head += [how_to_retry(job), ""] if job["failure"] else []
    lines = (f"  {name:<9} {value}" for name, value in facts.items() if value)
    return [*head, *lines, *(f"  {line}" for line in attempt_lines(job))]


def _slurm(job: Job) -> str:
    """Slurm's own words: `job 41, PENDING (Resources)`."""
    if job["slurm_job_id"] is None:
        return ""
    reason = f" ({job['slurm_reason']})" if job["slurm_reason"] not in (None, "None") else ""
    return ", ".join(part for part in (f"job {job['slurm_job_id']}", f"{job['slurm_state'] or ''}{reason}") if part)
