"""The `packtrain` command: every word of it, and how errors end.

Heavy libraries are imported by the commands that need them: `packtrain --help` must not wait for any.
"""

import errno
import io
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from packtrain.cli.commands import chat, clusters, login, models, queue, recipes
from packtrain.cli.commands.datasets import add, convert, listing, preview
from packtrain.cli.commands.jobs import (
    checkpoints,
    download,
    follow,
    job_actions,
    job_copies,
    job_list,
    job_show,
    metrics,
    submit,
)
from packtrain.cli.commands.people import audit, limits, secrets, teams, users, webhooks
from packtrain.cli.operator import add_operator_commands
from packtrain.cli.screen import complain, say
from packtrain.errors import NotConfigured, PacktrainError

USAGE = 2
INTERRUPTED = 130

_OPTIONS: dict[str, Any] = {
    "no_args_is_help": True,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
_NEGATIVE_NUMBERS = {"ignore_unknown_options": True}
"""For `priority JOB -5`."""


class Commands(TyperGroup):
    """Turns what is known to go wrong into a line or two and an exit code; anything else is a defect."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except PacktrainError as error:
            complain(error)
            raise typer.Exit(USAGE if isinstance(error, NotConfigured) else 1) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error


def _complain_of_system(error: OSError) -> None:
    """A disk that is full, a file of somebody else's; a pipe whose reader has gone needs no word."""
    if error.errno != errno.EPIPE:
        place = error.filename or "the output"
        with suppress(OSError):  # stderr may lie on the same disk
            complain(PacktrainError(f"{place}: {error.strerror or type(error).__name__}"))


def _show_version(value: bool) -> None:
    if value:
        from importlib.metadata import PackageNotFoundError, version

        try:
            say(f"packtrain {version('packtrain')}")
        except PackageNotFoundError:
            say("packtrain, not installed: run from its folder")
        raise typer.Exit


app = typer.Typer(
    cls=Commands,
    help="Queue fine-tuning runs on the lab's Slurm clusters and follow them.",
    epilog="The server: PACKTRAIN_URL and PACKTRAIN_TOKEN, or the file .packtrain/env that `make up` writes, or what "
    "`packtrain login` was told.",
    **_OPTIONS,
)


@app.callback()
def packtrain(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Queue fine-tuning runs on the lab's Slurm clusters and follow them."""


_COMMANDS: dict[str, Callable[..., Any]] = {
    "submit": submit.submit,
    "check": submit.check,
    "list": job_list.list_jobs,
    "show": job_show.show,
    "watch": follow.watch,
    "logs": follow.logs,
    "metrics": metrics.metrics,
    "compare": metrics.compare,
    "events": job_show.events,
    "script": job_show.script,
    "config": job_show.config,
    "download": download.download,
    "cancel": job_actions.cancel,
    "hold": job_actions.hold,
    "release": job_actions.release,
    "retry": job_copies.retry,
    "clone": job_copies.clone,
    "delete": job_actions.delete,
    "usage": limits.usage,
    "chat": chat.chat,
    "login": login.login,
    "whoami": login.whoami,
    "audit": audit.audit,
}
for _word, _function in _COMMANDS.items():
    app.command(_word)(_function)
app.command("priority", context_settings=_NEGATIVE_NUMBERS)(job_actions.priority)
_groups = {"": app}
for _name, _help, _commands in (
    ("datasets", "Data sets to train on.", {**listing.COMMANDS, **add.COMMANDS, **preview.COMMANDS}),
    ("datasets convert", "A data set from what others publish.", convert.COMMANDS),
    ("recipes", "Named starting points for a run.", recipes.COMMANDS),
    ("checkpoints", "What a run has left of its steps.", checkpoints.COMMANDS),
    ("secrets", "Keys that your runs need, kept from everybody else.", secrets.COMMANDS),
    ("webhooks", "Notices about your jobs: to programs, chats and mail.", webhooks.COMMANDS),
    ("clusters", "The clusters, and what may be wrong with one.", clusters.COMMANDS),
    ("models", "Models to train, to serve and to talk to, and their further names.", models.COMMANDS),
    ("users", "Users: their roles, and whether they are switched on.", users.COMMANDS),
    ("teams", "Teams: their shares and members.", teams.COMMANDS),
    ("limits", "What users and teams may have at once, and in a month.", limits.COMMANDS),
    ("database", "The database as a whole.", {}),
    ("image", "The training image.", {}),
    ("token", "Tokens, made where the database is.", {}),
):
    _group = typer.Typer(help=_help, **_OPTIONS)
    for _word, _function in _commands.items():
        _group.command(_word)(_function)
    _parent, _, _last = _name.rpartition(" ")
    _groups[_parent].add_typer(_group, name=_last)
    _groups[_name] = _group
_queue = typer.Typer(**{**_OPTIONS, "no_args_is_help": False}, invoke_without_command=True)
_queue.callback()(queue.show_queue)
_queue.command("why")(queue.why)
app.add_typer(_queue, name="queue")
add_operator_commands(_groups)
app.add_typer(_groups["datasets"], name="dataset", hidden=True)


def run() -> None:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character is no reason to fail
    try:
        app(prog_name="packtrain")
    except OSError as error:
        _complain_of_system(error)
        sys.exit(1)
