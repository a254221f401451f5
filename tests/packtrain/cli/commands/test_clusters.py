"""Whether a cluster answers, in words."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from packtrain.cli.commands.clusters import reach_text
from packtrain.schema import Cluster

NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC).astimezone()
REACHED = {"reached_at": "2026-11-21T14:59:00Z", "unreachable_since": None}
SILENT = {**REACHED, "unreachable_since": "2026-11-21T14:59:00Z"}


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        (REACHED, "reachable"),
        (SILENT, "unreachable since"),
        ({**SILENT, "unattended_since": "2026-11-21T14:59:00Z"}, "no worker drives it since"),
        ({"reached_at": None, "unreachable_since": None}, "not yet reached"),
    ],
)
def test_a_cluster_without_a_worker_is_not_called_reachable(cluster: dict[str, Any], words: str) -> None:
    assert reach_text(cast(Cluster, cluster), NOW).startswith(words)
