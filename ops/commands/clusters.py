"""clusters: doctor, trust."""

import secrets
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.login import cluster_settings, login
from packtrain.cli.commands.arguments import ClusterName
from packtrain.cli.screen import note, say

if TYPE_CHECKING:
    from ops.doctor.check import Check
    from tuning.settings import ClusterSettings


def doctor(
    cluster: ClusterName,
    submit: Annotated[bool, typer.Option("--submit", help="Also run a one-minute job.")] = False,
) -> None:
    """Look for what is wrong with a cluster, and say what to fix.

    Over SSH from here, by PACKTRAIN_CLUSTERS_FILE. Exit code 1 when something is wrong.

    \b
    packtrain clusters doctor lab --submit
    """
    failed = 0
    for check in _checks(cluster_settings(cluster), submit=submit):
        say(f"{check.result:<8} {check.name:<12} {check.detail}")
        if check.fix and check.result != "ok":
            say(f"{'':<21} -> {check.fix}")
        failed += check.result == "failed"
    say(f"{failed} failed" if failed else "nothing stands in the way of a job")
    raise typer.Exit(1 if failed else 0)


def trust(cluster: ClusterName) -> None:
    """Show the host key of a cluster's login node, ask, and write it to its known_hosts_file.

    That of its jump host first, where it has one.

    From here, by PACKTRAIN_CLUSTERS_FILE. Compare the fingerprint with what the site publishes before you say yes.

    \b
    packtrain clusters trust lab
    """
    settings = cluster_settings(cluster)
    if settings.jump is not None:
        _trust(settings.jump)
    _trust(settings)


def _trust(settings: "ClusterSettings") -> None:
    from tuning.errors import HostKeyChanged
    from tuning.ssh.host_keys import Standing
    from tuning.ssh.host_keys import trust as write
    from tuning.ssh.paramiko_login import fetch_host_key

    key, path = fetch_host_key(settings), settings.known_hosts_file
    say(f"{key.host} shows the key {key.kind} {key.fingerprint}")
    if key.standing is Standing.CHANGED:
        hint = f"ask the site; if it was meant, remove the old line from {path} by hand, then run this again"
        raise HostKeyChanged(f"{path} knows {key.host} by another key: another machine, or one in between", hint=hint)
    if key.standing is Standing.TRUSTED:
        note(f"it is in {path} already")
        return
    typer.confirm("Is that the fingerprint that the site publishes?", abort=True, err=True)
    write(key, path)
    note(f"it is in {path} now")


def _checks(cluster: "ClusterSettings", *, submit: bool) -> Iterator["Check"]:
    from ops.doctor.diagnosis import diagnose
    from ops.doctor.poison_jobs import poison_check
    from ops.doctor.trial import run_trial
    from tuning.settings import load_settings

    yield poison_check(cluster.name, load_settings().database_url)
    boundary, failed = secrets.token_hex(16), False
    with login(cluster) as transport:
        for check in diagnose(cluster, transport, boundary):
            failed = failed or check.result == "failed"
            yield check
        if submit and not failed:
            yield run_trial(transport, cluster, boundary)


COMMANDS: dict[str, Callable[..., Any]] = {"doctor": doctor, "trust": trust}
