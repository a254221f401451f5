"""Cycles of a worker that is far from its login node."""

import statistics
from collections.abc import Iterator, Sequence

from tests.bench.live_jobs.crowd import Crowd
from tests.bench.live_jobs.long_link import long_link
from tests.bench.live_jobs.watching import watch_cycles
from tests.bench.report.table import Row, quantile, shown
from tests.bench.rig import Rig

LIVE = 20
ROUND_TRIPS_SECONDS = (0.05, 0.2)
MOST_ROUND_TRIPS = 3
NOTE = (
    "Over a long link: between worker and sshd stands a proxy on loopback that passes on every byte half a round trip "
    "later, each way, and reads on meanwhile. The work is the same cycle's time through the proxy without its delay. "
    "Round trips: what a cycle takes beyond its work, in units of one."
)


def measure(rig: Rig) -> Iterator[Row]:
    """A row for each length."""
    with long_link(rig.lab.port) as link:
        crowd = Crowd(rig, "distant", link)
        crowd.grow_to(LIVE)
        count = 2 * rig.scale.cycles
        work = statistics.median(watch_cycles(crowd, count).took_seconds)
        for seconds in ROUND_TRIPS_SECONDS:
            link.round_trip_seconds = seconds
            watch_cycles(crowd, 1)  # the one that was under way
            yield _row(seconds, work, watch_cycles(crowd, count).took_seconds)
        crowd.disperse()


def _row(round_trip_seconds: float, work_seconds: float, took_seconds: Sequence[float]) -> Row:
    middle = statistics.median(took_seconds)
    trips = [(seconds - work_seconds) / round_trip_seconds for seconds in took_seconds]
    most = work_seconds + MOST_ROUND_TRIPS * round_trip_seconds
    return Row(
        f"a cycle over a link of {round_trip_seconds * 1000:.0f} ms, {LIVE} live jobs",
        f"its work, {shown(work_seconds)}",
        shown(middle),
        f"{statistics.median(trips):.1f} round trips",
        f"{quantile(trips, 0.25):.1f} to {quantile(trips, 0.75):.1f}, n={len(trips)}",
        f"<= work + {MOST_ROUND_TRIPS} round trips",
        middle <= most,
        NOTE,
    )
