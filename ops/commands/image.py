"""image: check."""

import secrets
from collections.abc import Callable
from typing import Annotated, Any

import typer

from ops.login import cluster_settings, login
from packtrain.cli.screen import note, table


def check(
    cluster: Annotated[str, typer.Option(help="Whose image, by the cluster's name in the clusters file.")],
) -> None:
    """Compare what is in the training image with what should be.

    It is started on the login node for this. Exit code 1 when it differs.

    \b
    packtrain image check --cluster lab
    """
    from ops.doctor.check import framed, unframed
    from ops.doctor.image import installed_requirements, packages, preflight_script, wanted_packages

    settings, boundary = cluster_settings(cluster), secrets.token_hex(16)
    wanted = wanted_packages(installed_requirements())
    with login(settings) as transport:
        command = framed(preflight_script(settings, wanted), boundary)
        answer = unframed(transport.run(command, timeout_seconds=600.0), boundary)
    found = packages(answer, wanted)
    if found is None:
        note(f"failed: {settings.image} cannot be started: {answer.complaint}")
        raise typer.Exit(1)
    rows = [(p.name, p.wanted or "any", p.found or "missing", "ok" if p.fits else "differs") for p in found]
    table(("PACKAGE", "WANTED", "FOUND", ""), rows)
    if answer.exit_status != 0:
        note(f"failed: llamafactory-cli does not start: {answer.complaint}")
    raise typer.Exit(0 if answer.exit_status == 0 and all(p.fits for p in found) else 1)


COMMANDS: dict[str, Callable[..., Any]] = {"check": check}
