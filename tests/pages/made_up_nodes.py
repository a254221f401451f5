"""Nodes of a made-up lab that its running jobs have."""

from collections.abc import Iterable
from typing import Any

NODES = 10
"""Of sixteen; the others are somebody else's, free, or down."""
GPUS_OF_A_NODE = 8


def spread(running: Iterable[dict[str, Any]]) -> dict[str, str]:
    """A node for each job by its id, filled one after the other; where there is no room, none."""
    room = dict.fromkeys((f"gpu{number:02d}" for number in range(NODES)), GPUS_OF_A_NODE)
    places: dict[str, str] = {}
    for row in running:
        node = next((name for name, free in room.items() if free >= row["gpus"]), None)
        if node is not None:
            room[node] -= row["gpus"]
            places[row["id"]] = node
    return places
