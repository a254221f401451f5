"""Changes to a job that is asked for again: what the words say, over what was advised. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from packtrain.cli.request.job_request import JobOptions, overlay
from packtrain.errors import Conflict, Finding, InvalidInput
from packtrain.schema import Event, Job, JobFields, Resources


def said_changes(options: JobOptions) -> JobFields:
    """Changes that the words of a command line ask for. Raises InvalidInput."""
    fields: JobFields = {}
    if config := overlay(options):
        fields["config"] = config
    if resources := {key: value for key, value in options.resources if value is not None}:
        fields["resources"] = cast(Resources, resources)
    if options.name is not None:
        fields["name"] = options.name
    if options.held:
        fields["held"] = True
    return fields


def going_on(word: str) -> JobFields:
    """The wish to go on from the job's checkpoint of a step, or the newest. Raises InvalidInput."""
    if word != "newest" and not (word.isascii() and word.isdecimal() and int(word) > 0):
        hint = "give the step of one of its checkpoints (`packtrain checkpoints list JOB`), or newest"
        raise InvalidInput([Finding(("--from-checkpoint",), f"`{word}` is no step", hint)])
    return {"resume_from": {"checkpoint": None if word == "newest" else int(word)}}


def laid_over(advised: JobFields, said: JobFields) -> JobFields:
    """Changes of both, argument by argument: the words win over the advice."""
    both: dict[str, Any] = {**advised, **said}
    over: Mapping[str, Any] = said
    under: Mapping[str, Any] = advised
    for part in ("config", "resources"):
        if values := {**(under.get(part) or {}), **(over.get(part) or {})}:
            both[part] = values
    return cast(JobFields, both)


def advised_changes(job: Job, events: Iterable[Event]) -> JobFields:
    """Changes that a job's failure advises, or a warning about its success. Raises Conflict where there is nothing."""
    failure = job["failure"]
    changes = failure.get("retry") if failure else advice_in(events)
    if changes is None:
        hint = failure["hint"] if failure else None
        raise Conflict(f"there is no advice on how to retry {job['id']}", hint=hint)
    return cast(JobFields, changes)


def advice_in(events: Iterable[Event]) -> dict[str, Any] | None:
    """The body for a retry that the newest warning with advice holds: a run may succeed and have diverged."""
    found = [event["data"].get("retry") for event in events if event["type"] == "warning"]
    return next((advice for advice in reversed(found) if isinstance(advice, dict)), None)
