"""watch, logs."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from packtrain.cli.commands.arguments import Attempt, JobId, connect
from packtrain.cli.lookup.job_ids import find_job
from packtrain.cli.screen import say_json, say_piece
from packtrain.transport.log_text import LogStream


def watch(job: JobId) -> None:
    """Watch a job to its end.

    Where it waits, its steps, loss and time left, and at last what came of it.

    Exit code: 0 succeeded, 1 failed, 3 cancelled, 130 interrupted (the job goes on).
    """
    from packtrain.cli.watch import view_for
    from packtrain.cli.watch import watch as watch_job

    with connect() as api:
        raise typer.Exit(watch_job(api, find_job(api, job), view_for(terminal=sys.stdout.isatty())))


def logs(
    job: JobId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="Show stderr instead of stdout.")] = False,
    tail: Annotated[int, typer.Option(min=1, max=100_000, help="How many of the last lines.")] = 200,
    attempt: Attempt = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON: the text, and where the log goes on.")] = False,
) -> None:
    """Show what a job has written.

    \b
    packtrain logs job_abc -f
    packtrain logs job_abc --stderr --tail 50
    """
    if follow and attempt is not None:
        raise typer.BadParameter("--follow goes with the newest attempt: leave out --attempt")
    if follow and as_json:
        raise typer.BadParameter("--json has no end with --follow: give one of them")
    stream: LogStream = "stderr" if stderr else "stdout"
    with connect() as api:
        job = find_job(api, job)
        last = api.logs(job, stream, tail=tail, attempt=attempt)
        if as_json:
            say_json(asdict(last))
            return
        say_piece(last.text)
        if follow:
            for piece in api.follow_logs(job, stream, offset=last.next_offset):
                say_piece(piece)
