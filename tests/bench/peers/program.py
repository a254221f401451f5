"""A peer's program at work: orders go in, answers come out, within a time."""

import json
import os
import re
import select
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from container.steps import tail
from tests.bench.peers.orders import Poll

READY_SECONDS = 90.0
ANSWER_SECONDS = 120.0
WORDS = 60
"""Lines of the log in which its last words are looked for."""
EXCEPTION = re.compile(r"[\w.]*(Error|Exception)\b")


class PeerError(Exception):
    """The peer does not work here; the sentence says what was seen."""


class Program:
    """A Queue (orders.py) in another process. Its own output goes to the log."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=dict(environment), bufsize=0
            )
        self._unread = b""
        self.name = ""
        """With its version, once it is ready."""

    def __enter__(self) -> Self:
        try:
            self.name = text(self._line(READY_SECONDS), "ready")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def submit(self, count: int) -> float:
        """Seconds until Slurm had given each job a number. Raises PeerError."""
        return number(self._ask("submit", count), "seconds")

    def poll(self, times: int) -> Poll:
        """The states of all of them, so many times. Raises PeerError."""
        return poll(self._ask("poll", times))

    def forget(self) -> None:
        """The jobs are about to be cancelled. Raises PeerError."""
        self._ask("forget", 0)

    def _ask(self, order: str, number: int) -> str:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps([order, number]).encode() + b"\n")
        except BrokenPipeError:
            raise PeerError(self._last_words()) from None
        return self._line(ANSWER_SECONDS)

    def _line(self, seconds: float) -> str:
        assert self._process.stdout
        while b"\n" not in self._unread:
            if not select.select([self._process.stdout], [], [], seconds)[0]:
                raise PeerError(f"no answer in {seconds:.0f} s; {self._last_words()}")
            piece = os.read(self._process.stdout.fileno(), 65536)
            if not piece:
                raise PeerError(self._last_words())
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def _last_words(self) -> str:
        return f"its last words: {last_words(tail(self._log, WORDS).splitlines())[:300]}"

    def _end(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def last_words(lines: Sequence[str]) -> str:
    """The newest exception in a log, since other threads may go on talking after it; else its last line."""
    exceptions = [line for line in lines if EXCEPTION.match(line)]
    return (exceptions or lines or ["nothing"])[-1]


def poll(line: str) -> Poll:
    """From an answer to that order. Raises PeerError."""
    answer = _read(line)
    try:
        period = answer["period_seconds"]
        return Poll([float(one) for one in answer["seconds"]], int(answer["looks"]), period and float(period))
    except (KeyError, TypeError, ValueError):
        raise PeerError(f"not an answer: {line[:200]!r}") from None


def number(line: str, key: str) -> float:
    """One number of an answer. Raises PeerError."""
    try:
        return float(_read(line)[key])
    except (KeyError, TypeError, ValueError):
        raise PeerError(f"not an answer: {line[:200]!r}") from None


def text(line: str, key: str) -> str:
    """One word of an answer. Raises PeerError."""
    found = _read(line).get(key)
    if not isinstance(found, str):
        raise PeerError(f"not an answer: {line[:200]!r}")
    return found


def _read(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise PeerError(f"not an answer: {line[:200]!r}")
    return found
