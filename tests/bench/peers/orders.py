"""What a peer's program is asked and answers: one line of JSON each way.

It runs in the peer's own Python too: nothing but the standard library here.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Poll:
    """What asking for the state of all submitted jobs took, some times in a row."""

    seconds: Sequence[float]
    """Of each time that somebody asked."""
    looks: int
    """How often Slurm was asked about the jobs meanwhile."""
    period_seconds: float | None = None
    """Between two looks, where these go on by themselves whoever asks; None: each question is a look."""


class Queue(Protocol):
    """A way to have jobs in Slurm's queue."""

    def submit(self, count: int) -> float:
        """Submit so many trivial jobs; returns the seconds until Slurm has given each a number."""

    def poll(self, times: int) -> Poll:
        """Ask for the states of the jobs of the last `submit`, so many times."""

    def forget(self) -> None:
        """The jobs are about to be cancelled from outside."""


def serve(name: str, queue: Queue) -> None:
    """Say that the program is ready, then do as standard input says until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the peer's own code prints must not be taken for an answer
    _write(answers, {"ready": name})
    for line in sys.stdin:
        order, number = json.loads(line)
        _write(answers, _answer(queue, order, number))


def _answer(queue: Queue, order: str, number: int) -> dict[str, Any]:
    if order == "submit":
        return {"seconds": queue.submit(number)}
    if order == "poll":
        return asdict(queue.poll(number))
    queue.forget()
    return {}


def _write(answers: Any, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
