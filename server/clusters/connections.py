"""Kept connections to the clusters: one to each login node, opened when it is first needed. For many threads."""

import threading
from collections.abc import Callable, Mapping

from tuning.errors import NotFound
from tuning.settings import ClusterSettings
from tuning.ssh.paramiko_transport import ParamikoTransport
from tuning.ssh.transport import Transport

Connect = Callable[[ClusterSettings], Transport]


class ClusterConnections:
    """Transports by cluster."""

    def __init__(self, clusters: Mapping[str, ClusterSettings], connect: Connect = ParamikoTransport) -> None:
        self._clusters = clusters
        self._connect = connect
        self._lock = threading.Lock()
        self._transports: dict[str, Transport] = {}

    def settings(self, cluster: str) -> ClusterSettings:
        """Settings of a cluster. Raises NotFound for one that they no longer name."""
        settings = self._clusters.get(cluster)
        if settings is None:
            raise NotFound(f"the settings know no cluster {cluster} any more", hint="ask an administrator")
        return settings

    def transport(self, cluster: str) -> Transport:
        """The transport of a cluster, not yet connected where nobody has used it. Raises NotFound."""
        settings = self.settings(cluster)
        with self._lock:
            transport = self._transports.get(cluster)
            if transport is None:
                transport = self._transports[cluster] = self._connect(settings)
            return transport

    def close(self) -> None:
        """End the connections."""
        with self._lock:
            transports = list(self._transports.values())
            self._transports.clear()
        for transport in transports:
            transport.close()
