"""clusters: list, show, doctor, trust."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packtrain.cli.commands.arguments import AsJson, ClusterName, connect
from packtrain.cli.screen import listing, note, now, say, say_json, table
from packtrain.cli.units import clock_time, duration
from packtrain.schema import Cluster, GpuCount, Partition, Trouble

if TYPE_CHECKING:
    from ops.doctor.check import Check
    from tuning.settings import ClusterSettings
    from tuning.ssh.transport import Transport


def list_clusters(as_json: AsJson = False) -> None:
    """List the clusters as last seen."""
    with connect() as api:
        page = api.clusters()
    if as_json:
        say_json(page)
        return
    moment = now()
    rows = [(c["name"], reach(c, moment), gpus(c["gpus"]), str(c["pending"]), running(c)) for c in page["data"]]
    listing("clusters", ("CLUSTER", "STATE", "GPUS FREE", "WAITING", "RUNNING"), rows)


def show(cluster: ClusterName, as_json: AsJson = False) -> None:
    """Show one cluster as last seen.

    Its partitions and GPUs, and the models and data sets that it knows by name.
    """
    with connect() as api:
        found = api.cluster(cluster)
    if as_json:
        say_json(found)
        return
    version = f", Slurm {found['slurm_version']}" if found["slurm_version"] else ""
    say(f"{found['name']}: {reach(found, now())}{version}")
    if found["unreachable_reason"]:
        say(f"  {found['unreachable_reason']}")
    if found["partitions"]:
        table(("PARTITION", "STATE", "TIME LIMIT", "NODES", "GPUS FREE"), [_row(one) for one in found["partitions"]])
    for name, words in (("models", found["models"]), ("data sets", found["datasets"])):
        if words:
            say(f"{name}: {', '.join(words)}")
    if found["trouble_count"]:
        say(f"{found['trouble_count']} in trouble; each is tried again by itself:")
        heads = ("JOB", "STEP", "ERROR", "FAILURES", "SINCE", "NEXT TRY")
        table(heads, [_trouble_row(one) for one in found["troubles"]])


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
        say(f"{check.verdict:<8} {check.name:<12} {check.detail}")
        if check.fix and check.verdict != "ok":
            say(f"{'':<21} -> {check.fix}")
        failed += check.verdict == "failed"
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


def cluster_settings(name: str) -> "ClusterSettings":
    """A cluster of the settings file. Raises InvalidInput, NotFound."""
    from tuning.errors import NotFound
    from tuning.settings import Settings, load_clusters

    path = Settings().clusters_file
    clusters = load_clusters(path)
    if name not in clusters:
        raise NotFound(f"{path} has no cluster {name}", hint=f"it has: {', '.join(clusters) or 'none'}")
    return clusters[name]


def reach(cluster: Cluster, moment: datetime) -> str:
    """Whether it answers, in words."""
    if cluster["unreachable_since"]:
        return f"unreachable since {clock_time(cluster['unreachable_since'], moment)}"
    if not cluster["reached_at"]:
        return "not yet reached: is a worker running?"
    return "reachable"


def gpus(count: GpuCount) -> str:
    """`3 of 8`."""
    return f"{count['free']} of {count['total']}"


def running(cluster: Cluster) -> str:
    """How many of our jobs run there."""
    return str(cluster["jobs"].get("running", 0))


def _row(partition: Partition) -> tuple[str, ...]:
    limit = partition["max_time_seconds"]
    name = f"{partition['name']}{' (default)' if partition['is_default'] else ''}"
    time_limit = duration(limit) if limit is not None else "none"
    return name, partition["state"] or "", time_limit, str(partition["nodes"]), gpus(partition["gpus"])


def _trouble_row(trouble: Trouble) -> tuple[str, ...]:
    moment = now()
    times = (clock_time(trouble["since"], moment), clock_time(trouble["next_try_at"], moment))
    whom = trouble["job_id"] or trouble["subject"] or "(all)"
    return whom, trouble["step"], trouble["error"], str(trouble["failures"]), *times


@contextmanager
def login(cluster: "ClusterSettings") -> Iterator["Transport"]:
    """A connection to the login node, ended at the end."""
    from tuning.ssh.paramiko_transport import ParamikoTransport

    transport = ParamikoTransport(cluster)
    try:
        yield transport
    finally:
        transport.close()


def _checks(cluster: "ClusterSettings", *, submit: bool) -> Iterator["Check"]:
    from ops.doctor.diagnosis import diagnose
    from ops.doctor.poison_jobs import poison_check
    from ops.doctor.trial import run_trial
    from tuning.settings import Settings

    yield poison_check(cluster.name, Settings().database_url)
    boundary, failed = secrets.token_hex(16), False
    with login(cluster) as transport:
        for check in diagnose(cluster, transport, boundary):
            failed = failed or check.verdict == "failed"
            yield check
        if submit and not failed:
            yield run_trial(transport, cluster, boundary)


COMMANDS: dict[str, Callable[..., Any]] = {"list": list_clusters, "show": show, "doctor": doctor, "trust": trust}
