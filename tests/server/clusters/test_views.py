"""Descriptions of clusters for the checks of requests, and how seldom the database is asked for them."""

from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from server.clusters.views import ClusterViews
from tests.factories import NOON, Seconds
from tests.server.conftest import Database
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.jobs.request.resources import UNKNOWN_CLUSTER

NODES = {"nodes": [{"name": "n1", "partitions": ["gpu"], "gpus": 4, "gpu_types": {"a100": 4}}]}


def described(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        session.execute(update(ClusterRow).values(snapshot=NODES, snapshot_at=NOON))


def test_a_cluster_is_asked_about_once_a_second(
    sessions: sessionmaker[Session], database: Database, seconds: Seconds
) -> None:
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", snapshot=NODES, snapshot_at=NOON))
    views = ClusterViews(seconds)
    with transaction(sessions) as session:
        view = views.view(session, "lab")
        asked = database.statements
        seconds.now += 0.9
        assert views.view(session, "lab") is view
        assert database.statements == asked
        seconds.now += 0.1
        assert views.view(session, "lab") is view  # asked again, and it is the same
        assert database.statements == asked + 1


def test_a_cluster_that_describes_itself_first_is_known_at_once(
    sessions: sessionmaker[Session], seconds: Seconds
) -> None:
    views = ClusterViews(seconds)
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab"))
    with transaction(sessions) as session:
        assert views.view(session, "lab") is UNKNOWN_CLUSTER
    described(sessions)
    with transaction(sessions) as session:
        assert views.view(session, "lab") is not UNKNOWN_CLUSTER


def test_each_type_of_gpu_counts_as_often_as_a_node_has_it(sessions: sessionmaker[Session], seconds: Seconds) -> None:
    nodes = [
        {"name": f"n{number}", "partitions": ["gpu"], "gpus": 9, "gpu_types": types}
        for number, types in enumerate(({"h100": 2, "1g.10gb": 7}, {"h100": 8}))
    ]
    snapshot = {"partitions": [{"name": "gpu", "is_default": True}], "nodes": nodes}
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", snapshot=snapshot, snapshot_at=NOON))
    with transaction(sessions) as session:
        view = ClusterViews(seconds).view(session, "lab")
    assert view.partitions["gpu"].gpu_types == {"h100": 8, "1g.10gb": 7}
