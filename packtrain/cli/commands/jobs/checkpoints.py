"""checkpoints: list, remove."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from packtrain.cli.commands.arguments import AsJson, JobId, connect
from packtrain.cli.lookup.job_ids import find_job
from packtrain.cli.screen import listing, note, now, say_json
from packtrain.cli.text.units import age, size


def list_checkpoints(job: JobId, as_json: AsJson = False) -> None:
    """List what a run has left of its steps.

    \b
    packtrain submit --recipe lora-sft --from JOB --checkpoint 500 --data more.json
    """
    with connect() as api:
        found = api.checkpoints(find_job(api, job))
    if as_json:
        say_json(found)
        return
    moment = now()
    rows = [
        (
            str(each["step"]),
            size(each["size_bytes"]),
            age(each["modified_at"], moment),
            "being removed" if each["is_being_removed"] else "",
        )
        for each in found["data"]
    ]
    listing("checkpoints", ("STEP", "SIZE", "AGE", ""), rows)


def remove(job: JobId, step: Annotated[list[int], typer.Argument(metavar="STEP", help="Which. Repeatable.")]) -> None:
    """Remove checkpoints from the cluster for good."""
    with connect() as api:
        job = find_job(api, job)
        for each in step:
            api.remove_checkpoint(job, each)
            note(f"checkpoint {each} of {job} will be removed")


COMMANDS: dict[str, Callable[..., Any]] = {"list": list_checkpoints, "remove": remove}
