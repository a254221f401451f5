"""`make bench`, or `python -m tests.bench [--quick] [NAME...]`: measure all or the named things, print one table.

A whole run is written to docs/benchmarks.md; a quick one, or one of some things only, is not.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from container.steps import say, step
from tests.bench.api import creating, listing, polling, reading
from tests.bench.data import checking, loading, uploading
from tests.bench.live_jobs import distant, following, footprint, open_pages, tailing, watching
from tests.bench.peers import measuring as peers
from tests.bench.report.page import Began, write_page
from tests.bench.report.table import Row, as_markdown
from tests.bench.rig import Rig
from tests.bench.runs import estimating, submitting, training
from tests.bench.scale import FULL, QUICK

STATE = Path(".packtrain/bench")
PAGE = Path("docs/benchmarks.md")
Measurement = Callable[[Rig], Iterable[Row]]
MEASUREMENTS: dict[str, Measurement] = {
    "estimating": estimating.measure,
    "checking": checking.measure,
    "loading": loading.measure,
    "uploading": uploading.measure,
    "creating": creating.measure,
    "reading": reading.measure,
    "polling": polling.measure,
    "listing": listing.measure,
    "submitting": submitting.measure,
    "training": training.measure,
    "peers": peers.measure,
    "distant": distant.measure,
    "following": following.measure,
    "pages": open_pages.measure,
    "watching": watching.measure,
    "tailing": tailing.measure,
    "footprint": footprint.measure,
}


def main() -> int:
    """Measure in the order above: the crowd of live jobs comes last, since it keeps the machine busy."""
    options = _parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds like Ctrl-C: nothing is left running
    rows: list[Row] = []
    began = Began.now()
    with ExitStack() as running:
        rig = Rig(QUICK if options.quick else FULL, STATE, running)
        for name in options.names or MEASUREMENTS:
            rows += _measured(name, rig)
        if not options.quick and not options.names:
            write_page(PAGE, rows, rig.lab, began, [*MEASUREMENTS])
            say(f"written: {PAGE}")
    say("\n" + as_markdown(rows))
    return 0


def _measured(name: str, rig: Rig) -> Iterator[Row]:
    with step(f"measuring: {name}"):
        for row in MEASUREMENTS[name](rig):
            say(" | ".join(row.cells()))
            yield row


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *MEASUREMENTS], metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--quick", action="store_true", help="smaller and fewer, in three minutes")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
