"""Metrics of the service for Prometheus: what the database and the disks tell at this moment."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from server.clusters.worker_watch import WorkerWatch
from tuning.clusters.models import ClusterRow
from tuning.clusters.repository import cluster_rows, worker_sign
from tuning.clusters.sick_nodes import faults_of, sick_nodes
from tuning.jobs.queries.monitoring import failures_since, oldest_queued
from tuning.jobs.queries.requests import counts
from tuning.jobs.troubles import counts as trouble_counts

_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Found:
    """Rows and counts of the database."""

    at: datetime
    jobs: Sequence[tuple[str, str, int]]
    """(cluster, status, how many)."""
    rows: Sequence[ClusterRow]
    troubles: Sequence[tuple[str, str, int]]
    """(cluster, step, how many)."""
    oldest_queued: Sequence[tuple[str, datetime]]
    """(cluster, since when)."""
    failures: Sequence[tuple[str, str, int]]
    """(cluster, code, how many)."""
    sick: Mapping[str, int]
    """Numbers of excluded nodes, by cluster."""


def found_in(session: Session, clusters: Sequence[str], now: datetime) -> Found:
    """Metrics from the database, in six queries."""
    rows = list(cluster_rows(session, clusters).values())
    failures = failures_since(session, now - _A_DAY)
    faults = faults_of(session, clusters, now)
    sick = {name: len(sick_nodes(faults.get(name, ()), now)) for name in clusters}
    return Found(now, counts(session), rows, trouble_counts(session), oldest_queued(session), failures, sick)


class ServiceMetrics(Collector):
    """Metrics of the service: numbers only, nothing of what users wrote."""

    def __init__(self, found: Found, workers: WorkerWatch, data_dir: Path) -> None:
        self._found = found
        self._workers = workers
        self._data_dir = data_dir

    def collect(self) -> Iterator[Metric]:
        yield from self._jobs_counted()
        yield self._queue_ages()
        yield self._failures()
        yield from self._workers_seen()
        yield from self._remote_use()
        yield from self._poison_jobs()
        yield self._sick_nodes()
        yield from self._disks()

    def _jobs_counted(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("packtrain_jobs", "Jobs by cluster and status.", labels=["cluster", "status"])
        for cluster, status, count in self._found.jobs:
            jobs.add_metric([cluster, status], count)
        yield jobs

    def _queue_ages(self) -> Metric:
        told = "How long the queued job has waited that waits longest, since it was made or its last run ended."
        ages = GaugeMetricFamily("packtrain_queue_age_seconds", told, labels=["cluster"])
        for cluster, since in self._found.oldest_queued:
            ages.add_metric([cluster], max(0.0, (self._found.at - since).total_seconds()))
        return ages

    def _failures(self) -> Metric:
        failed = GaugeMetricFamily(
            "packtrain_failures_last_day", "Jobs that failed in the last 24 hours.", labels=["cluster", "code"]
        )
        for cluster, code, count in self._found.failures:
            failed.add_metric([cluster, code], count)
        return failed

    def _workers_seen(self) -> Iterator[Metric]:
        told = "1 = it answered last, and a worker drives it."
        reachable = GaugeMetricFamily("packtrain_cluster_reachable", told, labels=["cluster"])
        told = "Age of the last cycle in which the cluster answered."
        age = GaugeMetricFamily("packtrain_worker_cycle_age_seconds", told, labels=["cluster"])
        for row in self._found.rows:
            self._workers.see(worker_sign(row))
            is_driven = self._workers.absence(row.name) is None
            reachable.add_metric([row.name], float(is_driven and row.unreachable_since is None))
            age_seconds = self._workers.cycle_age_seconds(row.name)
            if age_seconds is not None:
                age.add_metric([row.name], age_seconds)
        yield from (reachable, age)

    def _remote_use(self) -> Iterator[Metric]:
        remote = CounterMetricFamily("packtrain_remote", "What the worker did over SSH.", labels=["cluster", "what"])
        minute = GaugeMetricFamily("packtrain_remote_minute", "Begun in the last minute.", labels=["cluster", "what"])
        for row in self._found.rows:
            used = row.commands or {}
            for what in ("connections", "commands", "transfers"):
                remote.add_metric([row.name, what], used.get(what, 0))
            for what in ("connections", "commands"):
                minute.add_metric([row.name, what], used.get(f"{what}_last_minute", 0))
        yield from (remote, minute)

    def _poison_jobs(self) -> Iterator[Metric]:
        poison = GaugeMetricFamily(
            "packtrain_poison_jobs",
            "Jobs at which a step failed, and is tried again later.",
            labels=["cluster", "step"],
        )
        for cluster, step, count in self._found.troubles:
            poison.add_metric([cluster, step], count)
        yield poison

    def _sick_nodes(self) -> Metric:
        told = "Nodes that new attempts keep away from, since runs failed there by hardware's words."
        sick = GaugeMetricFamily("packtrain_sick_nodes", told, labels=["cluster"])
        for cluster, count in self._found.sick.items():
            sick.add_metric([cluster], count)
        return sick

    def _disks(self) -> Iterator[Metric]:
        told = "Room in the folder of uploads, and its disk's size."
        free = GaugeMetricFamily("packtrain_store_bytes", told, labels=["what"])
        if (usage := _usage(self._data_dir)) is not None:
            free.add_metric(["free"], usage.free)
            free.add_metric(["size"], usage.total)
        told = "Room in packtrain's folder on the cluster, as it was last told."
        root = GaugeMetricFamily("packtrain_cluster_root_free_bytes", told, labels=["cluster"])
        for row in self._found.rows:
            room = (row.snapshot or {}).get("free_bytes")
            if isinstance(room, int):
                root.add_metric([row.name], room)
        yield from (free, root)


def _usage(folder: Path) -> shutil._ntuple_diskusage | None:
    """Of the disk on which a folder lies, or will lie; None where that cannot be told."""
    there = next((place for place in (folder, *folder.absolute().parents) if place.exists()), folder)
    try:
        return shutil.disk_usage(there)
    except OSError:
        return None
