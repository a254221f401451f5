"""Resident memory of server and worker with many live jobs, and how soon the command line answers."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from container import stack
from container.background import find_process
from tests.bench.crowd import Crowd
from tests.bench.rig import Rig
from tests.bench.table import Pairs, Row, shown
from tests.e2e.site import Site

MOST_MEGABYTES = 300.0
MOST_SECONDS = 0.3


def measure(rig: Rig) -> Iterator[Row]:
    """Two rows."""
    yield _help(rig.scale.help_pairs)
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
        pairs.ours.append(_seconds(["-m", "client", "--help"]))
        pairs.theirs.append(_seconds(["-c", "pass"]))
    pairs = Pairs(pairs.ours[1:], pairs.theirs[1:])  # the first one compiles and reads from the disk
    row = pairs.row("packtrain --help", "Python that starts and ends", None)
    median = sorted(pairs.ours)[count // 2]
    measured = f"{row.measured}; quickest {shown(min(pairs.ours))}"
    return Row(row.what, row.beside, measured, row.ratio, row.spread, f"< {MOST_SECONDS:g} s", median < MOST_SECONDS)


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
