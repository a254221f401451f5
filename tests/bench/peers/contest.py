"""packtrain and a peer in turn, and what the table says of them."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.peers.login_node import LoginNode
from tests.bench.peers.orders import Poll, Queue
from tests.bench.report.table import Pairs, Row, shown
from tests.bench.sshd_log import SshdCount

SETTLE_SECONDS = 1.0
"""What a peer still does on the cluster after it has answered is its submission's too."""


@dataclass(frozen=True)
class Ssh:
    """What one job, or one look at all jobs, cost the login node."""

    commands: float
    connections: float
    file_servers: float

    @classmethod
    def per(cls, seen: Sequence[SshdCount], number: int) -> "Ssh":
        """Shared by so many."""
        return cls(
            sum(one.commands for one in seen) / number,
            sum(one.connections for one in seen) / number,
            sum(one.file_servers for one in seen) / number,
        )


@dataclass
class Side:
    """One queue's rounds."""

    queue: Queue
    is_ours: bool = field(kw_only=True)
    one: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)
    polls: list[Poll] = field(default_factory=list)
    submitting: list[SshdCount] = field(default_factory=list)
    """While many were submitted."""
    looking: list[SshdCount] = field(default_factory=list)

    def submit(self, count: int, node: LoginNode) -> None:
        """The first job alone; then many."""
        node.mark()
        seconds = self.queue.submit(count)
        if count == 1:
            self.one.append(seconds)
            return
        time.sleep(0 if self.is_ours else SETTLE_SECONDS)
        self.many.append(seconds)
        self.submitting.append(node.counted(ours=self.is_ours))

    def poll(self, times: int, node: LoginNode) -> None:
        """Of the many."""
        node.mark()
        self.polls.append(self.queue.poll(times))
        self.looking.append(node.counted(ours=self.is_ours))

    def a_job(self, count: int) -> Ssh:
        """SSH for one of the many, submitted."""
        return Ssh.per(self.submitting, count * len(self.submitting))

    def a_look(self) -> Ssh:
        """SSH for asking Slurm about the many once."""
        return Ssh.per(self.looking, sum(poll.looks for poll in self.polls))

    def reads(self) -> list[float]:
        """Seconds of every question for the many states."""
        return [seconds for poll in self.polls for seconds in poll.seconds]

    def age(self) -> str:
        """How old the answer may be."""
        periods = [poll.period_seconds for poll in self.polls if poll.period_seconds is not None]
        return f"up to {statistics.mean(periods):.1f} s old" if periods else "new"


@dataclass(frozen=True)
class Contest:
    """Both sides' rounds."""

    ours: Side
    theirs: Side
    count: int

    def play(self, node: LoginNode, polls: int) -> None:
        """One round, in turn: one job, many jobs, their states."""
        for count in (1, self.count):
            for side in (self.ours, self.theirs):
                side.submit(count, node)
        for side in (self.ours, self.theirs):
            side.poll(polls, node)

    def rows(self, peer: str, note: str) -> list[Row]:
        """Seconds and SSH, for submissions and for states."""
        what, ours, theirs = f"{self.count} jobs", self.ours, self.theirs
        return [
            Pairs(ours.one, theirs.one).row("a job reaches Slurm", peer, None, note),
            Pairs(ours.many, theirs.many).row(f"{what} reach Slurm", peer, None),
            ssh_row(f"SSH of one of {what}, submitted", peer, ours.a_job(self.count), theirs.a_job(self.count)),
            self._reads(f"states of {what}, asked for once", peer),
            ssh_row(f"SSH of a look at {what}", peer, ours.a_look(), theirs.a_look()),
        ]

    def _reads(self, what: str, peer: str) -> Row:
        ours, theirs = statistics.median(self.ours.reads()), statistics.median(self.theirs.reads())
        ages = f"{self.ours.age()} / {self.theirs.age()}"
        return Row(what, peer, f"{shown(ours)} / {shown(theirs)}", f"{ours / theirs:.2f}", ages, "-", None)


def ssh_row(what: str, peer: str, ours: Ssh, theirs: Ssh) -> Row:
    """Commands, with their ratio; connections and SFTP sessions beside."""
    commands = f"{ours.commands:.2f} / {theirs.commands:.2f} commands"
    ratio = f"{ours.commands / theirs.commands:.2f}" if theirs.commands else "-"
    others = (
        f"{ours.connections:.2f} / {theirs.connections:.2f} connections, "
        f"{ours.file_servers:.2f} / {theirs.file_servers:.2f} SFTP"
    )
    return Row(what, peer, commands, ratio, others, "-", None)


def absent(peer: str, reason: str, note: str) -> Row:
    """Instead of a peer's rows."""
    words = " ".join(reason.replace("|", "/").split())
    return Row("(does not work here)", peer, words[:300], "-", "-", "-", None, note)
