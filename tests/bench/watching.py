"""Remote commands a watch cycle, with ever more live jobs, without and with people who read the API."""

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.bench.crowd import Crowd
from tests.bench.readers import reading
from tests.bench.rig import Rig
from tests.bench.table import Row

MOST_COMMANDS = 3
MOST_CHANNELS = 8
BOUND = f"<= {MOST_COMMANDS}"
NOTE = (
    "Live jobs are real Slurm jobs that packtrain submitted. As many run as the lab's two nodes have processors for, "
    "each in the training image under Apptainer with the batch script of every day; its llamafactory-cli alone is "
    "replaced, by a bind, by a program that writes a line of trainer_log.jsonl every 5 s. The others wait in Slurm's "
    "queue. One cycle a minute has a further command, sinfo. Slurm's sampling of processes is off in this run."
)


@dataclass(frozen=True)
class Cycles:
    """Some cycles in a row."""

    commands: Sequence[int]
    seconds: Sequence[float]

    def row(self, what: str, beside: str, ratio: str, note: str = "") -> Row:
        """Held to the bound by the busiest of them."""
        middle = f"{statistics.median(self.commands):g}, one each {statistics.median(self.seconds):.1f} s"
        spread = f"{min(self.commands)} to {max(self.commands)}, n={len(self.commands)}"
        return Row(what, beside, middle, ratio, spread, BOUND, max(self.commands) <= MOST_COMMANDS, note)


def measure(rig: Rig) -> Iterator[Row]:
    """Two rows for each size, and one for connections and channels."""
    crowd, count = Crowd.of(rig), rig.scale.cycles
    first = 0.0
    for live in rig.scale.live_jobs:
        running = crowd.grow_to(live)
        quiet = _watch(crowd, count)
        mean = statistics.mean(quiet.commands)
        first = first or mean
        what = f"remote commands a cycle, {live:,} live jobs ({running} running)"
        yield quiet.row(what, f"{rig.scale.live_jobs[0]} live jobs", f"{mean / first:.2f}", NOTE)
        with reading(crowd.site, crowd.database.running_jobs(20)) as readers:
            busy = _watch(crowd, count)
        beside = f"nobody reading; {readers.requests:,} requests"
        ratio = f"{statistics.mean(busy.commands) / mean:.2f}"
        yield busy.row(f"the same while the API is read, {live:,} live jobs", beside, ratio)
    yield _at_sshd(crowd)


def _watch(crowd: Crowd, count: int) -> Cycles:
    """So many whole cycles, as the worker counts its commands at the end of each."""
    ends = [crowd.database.last_cycle()]
    while len(ends) < count + 2:
        time.sleep(0.02)
        cycle = crowd.database.last_cycle()
        if cycle != ends[-1]:
            ends.append(cycle)
    pairs = [*pairwise(ends[1:])]
    commands = [after.commands - before.commands for before, after in pairs]
    return Cycles(commands, [(after.ended_at - before.ended_at).total_seconds() for before, after in pairs])


def _at_sshd(crowd: Crowd) -> Row:
    seen, counted = crowd.at_sshd(), crowd.database.last_cycle().commands
    measured = f"{seen.connections} connection, at most {seen.most_channels} channels"
    spread = f"{seen.commands} commands in all; the worker counted {counted}"
    holds = seen.connections == 1 and seen.most_channels <= MOST_CHANNELS
    return Row("SSH of server and worker, counted by sshd", "-", measured, "-", spread, "1, <= 8", holds)
