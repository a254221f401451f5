"""Resident memory of server and worker with many live jobs, and how soon the server and the command line answer."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from container import stack
from container.background import find_process
from tests.bench.live_jobs.crowd import Crowd
from tests.bench.report.table import Pairs, Row, shown
from tests.bench.rig import Rig
from tests.e2e.site import Site
from tuning.migrate import upgrade

MOST_MEGABYTES = 300.0
MOST_SECONDS = 0.3
MOST_START_SECONDS = 2.0


def measure(rig: Rig) -> Iterator[Row]:
    """Three rows."""
    yield _help(rig.scale.help_pairs)
    yield _start(rig)
    crowd = Crowd.of(rig)
    live = rig.scale.live_jobs[-1]
    running = crowd.grow_to(live)
    server, worker = (_megabytes(crowd.site, name, "VmRSS") for name in ("server", "worker"))
    peaks = [f"{name} {_megabytes(crowd.site, name, 'VmHWM'):.0f}" for name in ("server", "worker")]
    yield Row(
        f"resident memory, {live:,} live jobs ({running} running)",
        f"{MOST_MEGABYTES:g} MB",
        f"worker {worker:.0f} MB, server {server:.0f} MB",
        f"{worker / MOST_MEGABYTES:.2f}",
        f"since the start at most: {', '.join(peaks)} MB",
        f"worker < {MOST_MEGABYTES:g} MB",
        worker < MOST_MEGABYTES,
    )


def _help(count: int) -> Row:
    pairs = Pairs()
    for _ in range(count + 1):
        pairs.ours.append(_seconds(["-m", "packtrain", "--help"]))
        pairs.theirs.append(_seconds(["-c", "pass"]))
    pairs = Pairs(pairs.ours[1:], pairs.theirs[1:])  # the first one compiles and reads from the disk
    row = pairs.row("packtrain --help", "Python that starts and ends", None)
    median = sorted(pairs.ours)[count // 2]
    measured = f"{row.measured}; quickest {shown(min(pairs.ours))}"
    return Row(row.what, row.beside, measured, row.ratio, row.spread, f"< {MOST_SECONDS:g} s", median < MOST_SECONDS)


def _start(rig: Rig) -> Row:
    """From the program's start until it answers a request; the database is up to date, as after each start but one."""
    url = f"sqlite:///{rig.folder('start') / 'packtrain.db'}"
    upgrade(url)
    seconds = [_seconds_until_healthy(rig, url) for _ in range(rig.scale.help_pairs)][1:]
    median = statistics.median(seconds)
    spread = f"{min(seconds):.2f} to {max(seconds):.2f} s, n={len(seconds)}"
    what = "the server's start, until it answers /healthz"
    return Row(what, "-", shown(median), "-", spread, f"< {MOST_START_SECONDS:g} s", median < MOST_START_SECONDS)


def _seconds_until_healthy(rig: Rig, url: str) -> float:
    started = time.perf_counter()
    with rig.server(url) as server:
        httpx.get(f"http://127.0.0.1:{server.port}/healthz", timeout=5).raise_for_status()
        return time.perf_counter() - started


def _seconds(arguments: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _megabytes(site: Site, program: str, field: str) -> float:
    """A size of proc(5)'s `status`, in units of 1,000,000 bytes; it is given there in units of 1,024."""
    process = find_process(stack.pid_file(site.state, program))
    if process is None:
        raise RuntimeError(f"the {program} has ended: see {site.state}/{program}.log")
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * 1024 / 1e6
