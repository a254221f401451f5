"""`python -m worker.health`: whether every cluster of the settings has a worker; the health check of its container."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from tuning.clusters.attendance import Pace, WorkerSign, absence, sighting
from tuning.clusters.repository import worker_signs
from tuning.db.database_errors import DATABASE_TROUBLE, complaint
from tuning.db.engine import open_engine, open_sessions
from tuning.errors import InvalidInput
from tuning.settings import ClusterSettings, load_clusters, load_settings


def missing_workers(
    clusters: Mapping[str, ClusterSettings], signs: Sequence[WorkerSign], lease_seconds: float, now: datetime
) -> Iterator[str]:
    """A sentence for each cluster that no worker drives at this moment. Pure."""
    by_cluster = {sign.cluster: sign for sign in signs}
    for name, cluster in clusters.items():
        sign = by_cluster.get(name)
        if sign is None or sign.newest(lease_seconds) is None:
            yield f"no worker has ever driven the cluster {name}"
            continue
        pace = Pace(cluster.poll_interval_seconds, cluster.command_timeout_seconds)
        missed = absence(sighting(sign, None, now, lease_seconds), pace, now)
        if missed is not None:
            yield missed.sentence(f"the cluster {name}")


def main() -> None:
    """Exit code 0, or 1 and a line for each thing that is wrong."""
    try:
        settings = load_settings()
        clusters = load_clusters(settings.clusters_file)
        signs = _signs(settings.database_url, clusters)
        found = list(missing_workers(clusters, signs, settings.lease_seconds, datetime.now(UTC)))
    except InvalidInput as error:
        found = [error.with_hints()]
    except DATABASE_TROUBLE as error:
        found = [f"the database does not answer: {complaint(error)}"]
    if found:
        sys.exit("\n".join(found))


def _signs(database_url: str, clusters: Mapping[str, ClusterSettings]) -> Sequence[WorkerSign]:
    engine = open_engine(database_url)
    try:
        with open_sessions(engine)() as session:
            return worker_signs(session, clusters)
    finally:
        engine.dispose()


if __name__ == "__main__":
    main()
