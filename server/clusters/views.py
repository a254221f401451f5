"""Cache of clusters as requests are checked against: as they last described themselves."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from tuning.clusters.repository import snapshot_of, snapshot_time
from tuning.clusters.snapshot import Node, Snapshot
from tuning.jobs.request.resources import UNKNOWN_CLUSTER, ClusterView, PartitionView
from tuning.llamafactory.config.model_size import needs_own_code
from tuning.llamafactory.model_files.known_model import known_model

_HOLDS_SECONDS = 1.0
"""A cluster describes itself once a minute: so young a view is not asked about again."""


@dataclass(frozen=True)
class _Known:
    described_at: datetime
    asked_at: float
    view: ClusterView


class ClusterViews:
    """Parsed once for each description; the database is asked for its time, at most once a second."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}

    def view(self, session: Session, name: str) -> ClusterView:
        """A cluster as it last described itself, or as it did a second ago."""
        with self._lock:
            known = self._known.get(name)
        asked_at = self._monotonic()
        if known is not None and asked_at - known.asked_at < _HOLDS_SECONDS:
            return known.view
        described_at = snapshot_time(session, name)
        if described_at is None:
            return UNKNOWN_CLUSTER
        is_new = known is None or known.described_at != described_at
        view = _view(snapshot_of(session, name)) if known is None or is_new else known.view
        with self._lock:
            self._known[name] = _Known(described_at, asked_at, view)
        return view


def _view(snapshot: Snapshot | None) -> ClusterView:
    if snapshot is None:
        return UNKNOWN_CLUSTER
    partitions = {
        partition.name: PartitionView(
            nodes=len(nodes := [node for node in snapshot.nodes if partition.name in node.partitions]),
            gpus_per_node=max((node.gpus for node in nodes), default=0),
            gpu_types=_most_of_each_type(nodes),
            max_seconds=partition.max_time_seconds,
        )
        for partition in snapshot.partitions
    }
    default = next((partition.name for partition in snapshot.partitions if partition.is_default), None)
    with_code = frozenset(path for path, text in snapshot.model_configs.items() if needs_own_code(text))
    known = {path: known_model(text, snapshot.model_files.get(path)) for path, text in snapshot.model_configs.items()}
    return ClusterView(
        partitions,
        default,
        snapshot.datasets,
        models={path: model.shape for path, model in known.items() if model.shape is not None},
        model_configs={path: model.config for path, model in known.items() if model.config is not None},
        model_files={path: model.files for path, model in known.items() if model.files is not None},
        models_with_code=with_code,
    )


def _most_of_each_type(nodes: Iterable[Node]) -> dict[str, int]:
    most: dict[str, int] = {}
    for node in nodes:
        most |= {name: max(count, most.get(name, 0)) for name, count in node.gpu_types.items()}
    return most
