"""Cost to the cluster of a thousand clients that follow a job: nothing, as the server answers from its database."""

import time
from collections.abc import Callable, Iterator

from tests.bench.api.polling import CLIENTS, EVERY_SECONDS, SETTLE_SECONDS, poll_and_subscribe
from tests.bench.clients.load import LoadOrder
from tests.bench.clients.subscribers import SubscriberOrder
from tests.bench.live_jobs.crowd import Crowd
from tests.bench.report.table import Row
from tests.bench.rig import Rig

LIVE = 10
MOST_SECONDS = 60.0
MOST = 1.1
"""A cycle has one command or two, by whether a log has grown: so much two minutes differ by themselves."""


def measure(rig: Rig) -> Iterator[Row]:
    """One row."""
    crowd = Crowd.of(rig)
    crowd.grow_to(LIVE)
    seconds = min(rig.scale.poll_seconds, MOST_SECONDS)
    path, token = f"/api/v1/jobs/{crowd.database.running_jobs(1)[0]}", crowd.site.env()["PACKTRAIN_TOKEN"]
    polls = LoadOrder(
        crowd.site.port, [f"{path}/progress"], token, CLIENTS, seconds, EVERY_SECONDS, True, SETTLE_SECONDS
    )
    streams = SubscriberOrder(crowd.site.port, f"{path}/events/stream", token, CLIENTS, seconds)
    quiet = _commands_a_minute(crowd, lambda: time.sleep(seconds))
    busy = _commands_a_minute(crowd, lambda: poll_and_subscribe(polls, streams))
    yield Row(
        f"remote commands a minute, {LIVE} live jobs, while {CLIENTS:,} clients poll and {CLIENTS:,} subscribe",
        "nobody asks",
        f"{busy:.1f} / {quiet:.1f}",
        f"{busy / quiet:.2f}",
        f"{seconds:g} s each",
        f"<= {MOST:g}",
        busy <= MOST * quiet,
    )


def _commands_a_minute(crowd: Crowd, meanwhile: Callable[[], object]) -> float:
    """As the worker counts them, between two ends of cycles."""
    before = crowd.database.last_cycle()
    meanwhile()
    return crowd.database.last_cycle().commands_a_minute(before)
