"""show, events, script, config."""

from typing import TYPE_CHECKING, Annotated

import typer

from packtrain.cli.commands.arguments import AsJson, Attempt, JobId, connect
from packtrain.cli.lookup.job_ids import find_job
from packtrain.cli.screen import now, say, say_json, say_text
from packtrain.cli.text.units import clock_time
from packtrain.errors import ApiError
from packtrain.sanitize import json_line
from packtrain.schema import Event

if TYPE_CHECKING:
    from packtrain.client import Packtrain

_MOST_NAMED = 10


def show(job: JobId, as_json: AsJson = False) -> None:
    """Show one job."""
    from packtrain.cli.text.job_details import detail_lines

    with connect() as api:
        job_id = find_job(api, job)
        found = api.job(job_id)
        events = [] if as_json else list(api.events(job_id))
        data = {} if as_json else _data_names(api, found["datasets"])
    if as_json:
        say_json(found)
        return
    for line in detail_lines(found, events, data, now()):
        say(line)
    say("")
    for event in events:
        _say_event(event, indent="  ")


def events(
    job: JobId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each as a line of the API's JSON.")] = False,
) -> None:
    """Show what happened to a job."""
    with connect() as api:
        job_id = find_job(api, job)
        for event in api.follow_events(job_id, after=0) if follow else api.events(job_id):
            if as_json:
                say_text(json_line(event))
            else:
                _say_event(event)


def script(job: JobId, attempt: Attempt = None) -> None:
    """Print the batch script.

    As an attempt was submitted, or as the next one would be.
    """
    with connect() as api:
        say_text(api.script(find_job(api, job), attempt=attempt).rstrip("\n"))


def config(job: JobId, attempt: Attempt = None) -> None:
    """Print the YAML that LLaMA-Factory is given.

    \b
    packtrain config @last > again.yaml
    """
    with connect() as api:
        say_text(api.config(find_job(api, job), attempt=attempt).rstrip("\n"))


def _data_names(api: "Packtrain", ids: list[str]) -> dict[str, str]:
    """Names of the first data sets of a job; one that is deleted since has none."""
    names: dict[str, str] = {}
    for data in ids[:_MOST_NAMED]:
        try:
            names[data] = api.dataset(data)["name"]
        except ApiError:
            continue
    return names


def _say_event(event: Event, indent: str = "") -> None:
    at = clock_time(event["at"], now(), to_the_second=True)
    say(f"{indent}{at}  {event['type']:<14}  {event['message']}".rstrip())
