"""clusters: list, show."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from packtrain.cli.commands.arguments import AsJson, ClusterName, connect
from packtrain.cli.screen import listing, now, say, say_json, table
from packtrain.cli.text.units import clock_time, duration
from packtrain.schema import Cluster, GpuCount, Partition, SickNode, Trouble


def list_clusters(as_json: AsJson = False) -> None:
    """List the clusters as last seen."""
    with connect() as api:
        page = api.clusters()
    if as_json:
        say_json(page)
        return
    moment = now()
    rows = [(c["name"], state_text(c, moment), gpus(c["gpus"]), str(c["pending"]), running(c)) for c in page["data"]]
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
    say(f"{found['name']}: {reach_text(found, now())}{version}")
    if found["unreachable_reason"]:
        say(f"  {found['unreachable_reason']}")
    if found["partitions"]:
        table(
            ("PARTITION", "STATE", "TIME LIMIT", "NODES", "GPUS FREE"),
            [_row(partition) for partition in found["partitions"]],
        )
    for name, words in (("models", found["models"]), ("data sets", found["datasets"])):
        if words:
            say(f"{name}: {', '.join(words)}")
    if found["trouble_count"]:
        say(f"{found['trouble_count']} in trouble; each is tried again by itself:")
        heads = ("JOB", "STEP", "ERROR", "FAILURES", "SINCE", "NEXT TRY")
        table(heads, [_trouble_row(trouble) for trouble in found["troubles"]])
    if found.get("sick_nodes"):
        say("nodes that new attempts keep away from, since runs failed on them:")
        table(("NODE", "FAILURES", "SINCE", "UNTIL", "THE LAST"), [_sick_row(sick) for sick in found["sick_nodes"]])


def reach_text(cluster: Cluster, moment: datetime) -> str:
    """Whether it answers, in words."""
    unattended_since = cluster.get("unattended_since")
    if unattended_since:
        return f"no worker drives it since {clock_time(unattended_since, moment)}"
    if cluster["unreachable_since"]:
        return f"unreachable since {clock_time(cluster['unreachable_since'], moment)}"
    if not cluster["reached_at"]:
        return "not yet reached: is a worker running?"
    return "reachable"


def state_text(cluster: Cluster, moment: datetime) -> str:
    """Whether it answers, and whether nodes of it are sick."""
    sick = len(cluster.get("sick_nodes", ()))  # an older server tells none
    count = f", {sick} sick node{'s' if sick > 1 else ''}" if sick else ""
    return f"{reach_text(cluster, moment)}{count}"


def gpus(count: GpuCount) -> str:
    """`3 of 8`."""
    return f"{count['free']} of {count['total']}"


def running(cluster: Cluster) -> str:
    """Number of packtrain's jobs that run on the cluster."""
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


def _sick_row(sick: SickNode) -> tuple[str, ...]:
    moment = now()
    times = (clock_time(sick["since"], moment), clock_time(sick["excluded_until"], moment))
    return sick["node"], str(sick["faults"]), *times, sick["message"]


COMMANDS: dict[str, Callable[..., Any]] = {"list": list_clusters, "show": show}
