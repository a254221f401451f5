"""A watch cycle's time and remote commands, with ever more live jobs, without and with people who read the API."""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise

from tests.bench.clients.readers import reading
from tests.bench.live_jobs.crowd import Crowd
from tests.bench.report.growth import MOST, exponent
from tests.bench.report.table import Pairs, Row, shown
from tests.bench.rig import Rig
from tuning.settings import load_clusters
from tuning.ssh.paramiko_login import LoggedIn, connect

MOST_COMMANDS = 3
MOST_CHANNELS = 8
BOUND = f"<= {MOST_COMMANDS}"
NOTE = (
    "Live jobs are real Slurm jobs that packtrain submitted. As many run as the lab's two nodes have processors for, "
    "each in the training image under Apptainer with the batch script of every day; its llamafactory-cli alone is "
    "replaced, by a bind, by a program that writes a line of trainer_log.jsonl every 5 s. The others wait in Slurm's "
    "queue. One cycle a minute has a further command, sinfo. Slurm's sampling of processes is off in this run."
)
TIME_NOTE = (
    "A watch cycle's time is the worker's own measure, from its first query to its last commit. Beside it, in turns, "
    "one command over an SSH connection that stays open, all of whose output is read here: squeue for the account, and "
    "the last line of a file of each live job (its config.yaml), by a loop with a `tail` for each as scripts have it. "
    "The row behind it has one `xargs cat` in the place of the loop, a process for hundreds of files: the least that "
    "reading them can cost, with nothing understood and nothing written down."
)
MOST_TIMES = 2.0
QUEUE = "squeue -h -r -t all -u packtrain -o '%i %T %r %S %N %k'; cd packtrain && "
LOOP = f"{QUEUE} while IFS= read -r -d '' file; do tail -n 1 -- \"$file\"; done"
ONE_CAT = f"{QUEUE} xargs -0 cat"


@dataclass(frozen=True)
class Cycles:
    """Some cycles in a row."""

    commands: Sequence[int]
    seconds: Sequence[float]
    """From the end of each to the end of the next."""
    took_seconds: Sequence[float]

    def row(self, what: str, beside: str, ratio: str, note: str = "") -> Row:
        """Held to the bound by the busiest of them."""
        middle = f"{statistics.median(self.commands):g}, one each {statistics.median(self.seconds):.1f} s"
        spread = f"{min(self.commands)} to {max(self.commands)}, n={len(self.commands)}"
        return Row(what, beside, middle, ratio, spread, BOUND, max(self.commands) <= MOST_COMMANDS, note)


def measure(rig: Rig) -> Iterator[Row]:
    """Four rows for each size, one for the growth, and one for connections and channels."""
    crowd, count = Crowd.of(rig), rig.scale.cycles
    first, times = 0.0, []
    for live in rig.scale.live_jobs:
        running = crowd.grow_to(live)
        quiet = watch_cycles(crowd, count)
        beside_loop, beside_cat = _beside_scripts(crowd, count)
        times.append(statistics.median(beside_loop.ours))
        what = f"a watch cycle, {live:,} live jobs ({running} running)"
        yield beside_loop.row(what, f"one squeue and a script that reads {live:,} files", MOST_TIMES, TIME_NOTE)
        yield beside_cat.row(what, f"one squeue and one cat of {live:,} files", None)
        mean = statistics.mean(quiet.commands)
        first = first or mean
        what = f"remote commands a cycle, {live:,} live jobs ({running} running)"
        yield quiet.row(what, f"{rig.scale.live_jobs[0]} live jobs", f"{mean / first:.2f}", NOTE)
        with reading(crowd.site, crowd.database.running_jobs(20)) as readers:
            busy = watch_cycles(crowd, count)
        beside = f"nobody reading; {readers.requests:,} requests"
        ratio = f"{statistics.mean(busy.commands) / mean:.2f}"
        yield busy.row(f"the same while the API is read, {live:,} live jobs", beside, ratio)
    yield _growth(rig.scale.live_jobs, times)
    yield _at_sshd(crowd, len(times), 2 * len(times) * count)


def watch_cycles(crowd: Crowd, count: int) -> Cycles:
    """So many whole cycles, as the worker counts its commands at the end of each."""
    ends = [crowd.database.last_cycle()]
    while len(ends) < count + 2:
        time.sleep(0.02)
        cycle = crowd.database.last_cycle()
        if cycle != ends[-1]:
            ends.append(cycle)
    pairs = [*pairwise(ends[1:])]
    commands = [after.commands - before.commands for before, after in pairs]
    took = [after.seconds for _, after in pairs]
    return Cycles(commands, [(after.ended_at - before.ended_at).total_seconds() for before, after in pairs], took)


def _growth(sizes: Sequence[int], times: Sequence[float]) -> Row:
    found = exponent(sizes, times)
    what = f"growth of a watch cycle's time, {sizes[0]:,} to {sizes[-1]:,} live jobs"
    measured = ", ".join(shown(seconds) for seconds in times)
    return Row(what, "itself", measured, f"{found:.2f}", "the exponent", f"<= {MOST:g}", found <= MOST)


def _beside_scripts(crowd: Crowd, count: int) -> tuple[Pairs, Pairs]:
    """So many cycles, and behind each the same look by hand, in two ways."""
    beside_loop, beside_cat, folders = Pairs(), Pairs(), crowd.database.live_folders()
    names = "".join(f"{folder}/config.yaml\0" for folder in folders).encode()
    with closing(connect(load_clusters(crowd.site.state / "clusters.toml")["lab"])) as client:
        for _ in range(count):
            beside_loop.ours.append(watch_cycles(crowd, 1).took_seconds[0])
            beside_loop.theirs.append(_by_hand(client, LOOP, names))
            beside_cat.theirs.append(_by_hand(client, ONE_CAT, names))
    beside_cat.ours.extend(beside_loop.ours)
    return beside_loop, beside_cat


def _by_hand(client: LoggedIn, script: str, names: bytes) -> float:
    started = time.monotonic()
    stdin, stdout, _ = client.exec_command(script, timeout=120)
    stdin.write(names)
    stdin.channel.shutdown_write()
    if not stdout.read():
        raise RuntimeError("the shell read nothing")
    return time.monotonic() - started


def _at_sshd(crowd: Crowd, connections_by_hand: int, commands_by_hand: int) -> Row:
    """Without what was done by hand beside it. A shell or two wait for a command: sshd has counted them already."""
    seen, counted = crowd.at_sshd(), crowd.database.last_cycle().commands
    connections = seen.connections - connections_by_hand
    measured = f"{connections} connection, at most {seen.most_channels} channels"
    spread = f"{seen.commands - commands_by_hand} commands in all; the worker counted {counted}"
    holds = connections == 1 and seen.most_channels <= MOST_CHANNELS
    return Row("SSH of server and worker, counted by sshd", "-", measured, "-", spread, "1, <= 8", holds)
