"""A cluster that is a folder of this machine."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from server.clusters.files import ClusterFiles
from server.main import create_app
from tests.conftest import tell_places_of_now
from tests.factories import Clock, make_cluster_settings
from tests.local_transport import LocalTransport
from tuning.settings import ClusterSettings, Settings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Our folder on the cluster."""
    root = tmp_path / "cluster"
    root.mkdir()
    return root


@pytest.fixture
def tick(anonymous: TestClient, app: FastAPI) -> Callable[[], None]:
    """Let the server's feed look at the database."""

    def tick() -> None:
        assert anonymous.portal is not None
        anonymous.portal.call(app.state.feed.tick)

    return tick


@pytest.fixture
def node() -> LocalTransport:
    """Its login node."""
    return LocalTransport()


@pytest.fixture
def clusters(root: Path) -> dict[str, ClusterSettings]:
    return {"lab": make_cluster_settings(root=str(root))}


@pytest.fixture
def app(settings: Settings, clusters: dict[str, ClusterSettings], clock: Clock, node: LocalTransport) -> FastAPI:
    app = create_app(settings, clusters, clock=clock)
    tell_places_of_now(app, clock)
    app.state.cluster_files = ClusterFiles(clusters, lambda _settings: node)
    return app
