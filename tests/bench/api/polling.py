"""A whole building that watches one job: a thousand clients that poll, and a thousand that subscribe."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from tests.bench.api.reading import a_changing_job, run_load
from tests.bench.clients.load import LoadOrder, LoadResult
from tests.bench.clients.subscribers import SubscriberOrder, SubscriberResult
from tests.bench.cores import cpu_seconds
from tests.bench.report.growth import MOST, exponent
from tests.bench.report.table import Row, shown
from tests.bench.rig import Rig, Running

CLIENTS, EVERY_SECONDS = 1_000, 2.0
GROWING, GROWTH_SECONDS = (1, 10, 100, 1_000), 10.0
SETTLE_SECONDS = 6.0
"""Until all are connected."""
MOST_SECONDS = 0.1
STREAM_SECONDS = 0.5
"""A tick of the feed, and a thousand writes."""
NOTE = (
    "A building that watches: one server process on one processor; 1,000 connections that poll every 2 s and 1,000 "
    "subscribers at the same time, from two processes on the other one, which took turns there. A poll's time counts "
    "from the moment at which it was due, so that clients that are late themselves make it look worse, never better."
)


def measure(rig: Rig) -> Iterator[Row]:
    """A row for those who poll, one for those who subscribe, and one for how the cost grows with those who poll."""
    with a_changing_job(rig, "polling") as (server, token, path):
        seconds = rig.scale.poll_seconds
        order = LoadOrder(
            server.port, [f"{path}/progress"], token, CLIENTS, seconds, EVERY_SECONDS, True, SETTLE_SECONDS
        )
        streams = SubscriberOrder(server.port, f"{path}/events/stream", token, CLIENTS, seconds)
        before = cpu_seconds(server.pid)
        polled, subscribed = poll_and_subscribe(order, streams)
        share = (cpu_seconds(server.pid) - before) / (seconds + CLIENTS / 200)
        yield _polled_row(polled, share, seconds)
        yield _subscribed_row(subscribed, seconds)
        yield _growth(server, [replace(order, clients=clients, seconds=GROWTH_SECONDS) for clients in GROWING])


def poll_and_subscribe(order: LoadOrder, streams: SubscriberOrder) -> tuple[LoadResult, SubscriberResult]:
    """Both at the same time, each in a process of its own, to their ends."""
    command = [sys.executable, "-m", "tests.bench.clients.subscribers"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as subscribers:
        assert subscribers.stdin is not None
        subscribers.stdin.write(json.dumps(asdict(streams)))
        subscribers.stdin.close()
        polled = run_load(order)
        assert subscribers.stdout is not None
        return polled, SubscriberResult(**json.loads(subscribers.stdout.read()))


def _growth(server: Running, orders: Sequence[LoadOrder]) -> Row:
    """What it costs when nobody asks is in all of them."""
    shares = []
    for order in orders:
        before = cpu_seconds(server.pid)
        run_load(order)
        shares.append((cpu_seconds(server.pid) - before) / order.seconds)
    found = exponent(GROWING, shares)
    what = f"growth of the server's CPU, {GROWING[0]:,} to {GROWING[-1]:,} clients that poll every {EVERY_SECONDS:g} s"
    measured = ", ".join(f"{share:.1%}" for share in shares)
    return Row(what, "itself", measured, f"{found:.2f}", "the exponent", f"<= {MOST:g}", found <= MOST)


def _polled_row(result: LoadResult, share: float, seconds: float) -> Row:
    strange = {status: count for status, count in result.statuses.items() if status not in ("200", "304")}
    return Row(
        f"{CLIENTS:,} clients poll every {EVERY_SECONDS:g} s for {seconds:g} s, {CLIENTS:,} more subscribe",
        "-",
        f"{result.requests:,} answers, p99 {shown(result.p99_seconds)}, server CPU {share:.0%} of a core",
        "-",
        f"median {shown(result.median_seconds)}, slowest {shown(result.slowest_seconds)}; errors: {strange or 'none'}",
        f"no error, p99 < {MOST_SECONDS:g} s, < 1 core",
        not strange and result.p99_seconds < MOST_SECONDS and share < 1,
        NOTE,
    )


def _subscribed_row(result: SubscriberResult, seconds: float) -> Row:
    is_whole = result.fewest == result.most > 0 and not result.lost
    return Row(
        f"{CLIENTS:,} subscribers of one job for {seconds:g} s",
        "the moment of the change",
        f"{result.most} changes each, p99 {shown(result.p99_seconds)} later",
        "-",
        f"fewest {result.fewest}, most {result.most}, {result.lost} streams lost",
        f"none lost, p99 < {STREAM_SECONDS:g} s",
        is_whole and result.p99_seconds < STREAM_SECONDS,
    )
