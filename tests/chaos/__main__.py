"""`make chaos`, or `python -m tests.chaos [--trials N] [--seed S] [--first K]`.

Kills, cuts and freezes by chance while jobs are submitted, and what a site does on a bad day; lets everything recover,
and checks that every accepted job was in Slurm, and ended, once. The same seed does the same faults again.
"""

import argparse
import secrets
import shutil
import signal
import sys
from pathlib import Path

from container.steps import say
from tests.chaos.campaign import NotOnce, Plan, run, table

STATE = Path(".packtrain/chaos")


def main() -> int:
    """Do the trials and print what they have shown."""
    options = _parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds like Ctrl-C: nothing is left running
    shutil.rmtree(options.state, ignore_errors=True)
    try:
        done = run(Plan(options.trials, options.seed, options.first), options.state)
    except NotOnce as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    say("\n" + table(done))
    say(f"{len(done)} trials, seed {options.seed}: every accepted job ran and ended once")
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="by default another each time")
    parser.add_argument("--first", type=int, default=1, help="the number of the first trial, to do one again")
    parser.add_argument("--state", type=Path, default=STATE, help="where logs are left")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
