"""From a line in trainer_log.jsonl to the same line over REST, with many running jobs.

The stand-in writes into each line when it wrote it; long polls on some of the jobs say when it could be read.
"""

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from container import lab
from tests.bench.live_jobs.crowd import Crowd
from tests.bench.live_jobs.stand_in import LINE_SECONDS
from tests.bench.report.table import Row, quantile
from tests.bench.rig import Rig
from tests.e2e.site import Site
from tuning.settings import load_clusters

WATCHED = 40
STREAMED = 10
"""So many of them are followed by server-sent events as well."""
STREAM_SECONDS = 0.2
ALLOWED_SECONDS = 0.3
"""Beyond the poll interval, at the 95th of a hundred lines."""


@dataclass(frozen=True)
class Seen:
    """What the long polls on one job gave."""

    delays_seconds: list[float]
    arrivals: dict[int, float]
    """When each step was read, by time.time()."""
    skipped: int
    """Lines that were overtaken by the next one before anybody could read them."""


def measure(rig: Rig) -> Iterator[Row]:
    """Three rows: by REST, by server-sent events beside it, and by `ssh tail -F` on one of the files."""
    crowd = Crowd.of(rig)
    live = rig.scale.live_jobs[-1]
    running = crowd.grow_to(live)
    interval = load_clusters(crowd.site.state / "clusters.toml")["lab"].poll_interval_seconds
    until = time.time() + rig.scale.tail_seconds
    watched = crowd.database.running_jobs(WATCHED)
    with ThreadPoolExecutor(len(watched) + STREAMED + 1) as pool:
        by_hand = pool.submit(_tail, rig.lab, watched[0], until)
        streams = pool.map(lambda job_id: _stream(crowd.site, job_id, until), watched[:STREAMED])
        seen = [*pool.map(lambda job_id: _follow(crowd.site, job_id, until), watched)]
        streamed = [*streams]
    delays = [delay for one in seen for delay in one.delays_seconds]
    skipped = sum(one.skipped for one in seen)
    middle, late, most = quantile(delays, 0.5), quantile(delays, 0.95), max(delays)
    yield Row(
        f"log line written -> REST, {running} running of {live:,} live jobs, a line each {LINE_SECONDS:g} s",
        f"the poll interval, {interval:g} s",
        f"median {middle:.2f} s, p95 {late:.2f} s, longest {most:.2f} s",
        f"{late / interval:.2f}",
        f"n={len(delays)}, {skipped} overtaken",
        f"p95 <= interval + {ALLOWED_SECONDS:g} s",
        late <= interval + ALLOWED_SECONDS and not skipped,
    )
    yield _behind(seen, streamed)
    yield _by_hand(by_hand.result())


def _behind(seen: Sequence[Seen], streamed: Sequence[dict[int, float]]) -> Row:
    """How long after the long poll the stream had the same step."""
    behind = [
        stream[step] - at
        for one, stream in zip(seen, streamed, strict=False)
        for step, at in one.arrivals.items()
        if step in stream
    ]
    middle, late = quantile(behind, 0.5), quantile(behind, 0.95)
    return Row(
        "the same line by server-sent events",
        "by REST, the same jobs",
        f"median {middle * 1000:.0f} ms, p95 {late * 1000:.0f} ms later",
        "-",
        f"n={len(behind)}",
        f"p95 <= {STREAM_SECONDS:g} s",
        late <= STREAM_SECONDS,
    )


def _by_hand(delays: Sequence[float]) -> Row:
    middle, late = quantile(delays, 0.5), quantile(delays, 0.95)
    measured = f"median {middle * 1000:.0f} ms, p95 {late * 1000:.0f} ms"
    return Row("log line written -> `ssh tail -F` on one file", "-", measured, "-", f"n={len(delays)}", "-", None)


def _tail(cluster: lab.Lab, job_id: str, until: float) -> list[float]:
    """How old each line was when it came, by one OpenSSH connection that stays open for this file alone."""
    command = cluster.ssh_command(f"tail -n 0 -F packtrain/jobs/{job_id}/output/trainer_log.jsonl")
    delays: list[float] = []
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as tail:
        assert tail.stdout is not None
        for line in tail.stdout:
            delays.append(time.time() - json.loads(line)["loss"])
            if time.time() > until:
                break
        tail.terminate()
    return delays


def _stream(site: Site, job_id: str, until: float) -> dict[int, float]:
    """When each step came, by time.time()."""
    headers = {"Authorization": f"Bearer {site.env()['PACKTRAIN_TOKEN']}"}
    arrivals: dict[int, float] = {}
    with closing(HTTPConnection("127.0.0.1", site.port, timeout=60)) as connection:
        connection.request("GET", f"/api/v1/jobs/{job_id}/events/stream", headers=headers)
        answer, event = connection.getresponse(), b""
        while time.time() < until:
            line = answer.readline().strip()
            if line.startswith(b"event:"):
                event = line.removeprefix(b"event:").strip()
            elif line.startswith(b"data:") and event == b"progress":
                arrivals.setdefault(json.loads(line.removeprefix(b"data:"))["current_steps"], time.time())
    return arrivals


def _follow(site: Site, job_id: str, until: float) -> Seen:
    headers = {"Authorization": f"Bearer {site.env()['PACKTRAIN_TOKEN']}"}
    delays: list[float] = []
    arrivals: dict[int, float] = {}
    skipped = 0
    with closing(HTTPConnection("127.0.0.1", site.port, timeout=60)) as connection:
        last = _progress(connection, job_id, headers, None)
        while time.time() < until:
            now = _progress(connection, job_id, headers, last["version"])
            new_lines = (now["current_steps"] or 0) - (last["current_steps"] or 0)
            if new_lines > 0:
                arrivals[now["current_steps"]] = time.time()
                delays.append(time.time() - now["loss"])
                skipped += new_lines - 1
            last = now
    return Seen(delays, arrivals, skipped)


def _progress(connection: HTTPConnection, job_id: str, headers: dict[str, str], since: int | None) -> dict[str, Any]:
    query = "" if since is None else f"?wait=10&since={since}"
    connection.request("GET", f"/api/v1/jobs/{job_id}/progress{query}", headers=headers)
    answer = connection.getresponse()
    found: dict[str, Any] = json.loads(answer.read())
    return found
