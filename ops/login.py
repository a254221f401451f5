"""A cluster of the clusters file, and a connection to its login node."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuning.settings import ClusterSettings
    from tuning.ssh.transport import Transport


def cluster_settings(name: str) -> "ClusterSettings":
    """A cluster of the settings file. Raises InvalidInput, NotFound."""
    from tuning.errors import NotFound
    from tuning.settings import load_clusters, load_settings

    path = load_settings().clusters_file
    clusters = load_clusters(path)
    if name not in clusters:
        raise NotFound(f"{path} has no cluster {name}", hint=f"it has: {', '.join(clusters) or 'none'}")
    return clusters[name]


@contextmanager
def login(cluster: "ClusterSettings") -> Iterator["Transport"]:
    """A connection to the login node, ended at the end."""
    from tuning.ssh.paramiko_transport import ParamikoTransport

    transport = ParamikoTransport(cluster)
    try:
        yield transport
    finally:
        transport.close()
