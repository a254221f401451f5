"""Orders to a program of its own and its answers, with a peer that is four lines long."""

import os
import sys
from pathlib import Path

import pytest

from tests.bench.peers.login_node import TOP
from tests.bench.peers.orders import Poll
from tests.bench.peers.program import PeerError, Program, last_words, number, poll, text

PEER = """
from tests.bench.peers.orders import Poll, serve
class Peer:
    def submit(self, count):
        print("a peer's own chatter")
        return count / 2
    def poll(self, times):
        return Poll([0.25] * times, times + 1, 25.0)
    def forget(self):
        raise RuntimeError("it has ended")
serve("peer 1.0", Peer())
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(TOP)}


def program(code: str, folder: Path) -> Program:
    return Program([sys.executable, "-P", "-c", code], ENVIRONMENT, folder / "log")


def test_orders_are_answered_and_chatter_is_kept_apart(tmp_path: Path) -> None:
    with program(PEER, tmp_path) as peer:
        assert peer.name == "peer 1.0"
        assert peer.submit(20) == 10.0
        assert peer.poll(2) == Poll([0.25, 0.25], 3, 25.0)
    assert "chatter" in (tmp_path / "log").read_text()


def test_one_that_dies_is_quoted(tmp_path: Path) -> None:
    with program(PEER, tmp_path) as peer:
        with pytest.raises(PeerError, match="it has ended"):
            peer.forget()
        with pytest.raises(PeerError, match="it has ended"):
            peer.submit(1)


def test_one_that_does_not_start_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="No module named 'not_there'"), program("import not_there", tmp_path):
        pass


@pytest.mark.parametrize("line", ["", "Traceback", "[1]", "{}", '{"seconds": "soon", "looks": 1}', '{"seconds": null}'])
def test_what_is_no_answer_is_said(line: str) -> None:
    for read in (lambda: number(line, "seconds"), lambda: poll(line), lambda: text(line, "ready")):
        with pytest.raises(PeerError, match="not an answer"):
            read()


def test_a_peer_without_a_pace_of_its_own_has_no_period() -> None:
    assert poll('{"seconds": [1, 2], "looks": 2, "period_seconds": null}') == Poll([1.0, 2.0], 2, None)


def test_an_exception_is_quoted_though_a_thread_talks_on() -> None:
    log = ["Traceback (most recent call last):", "  raise e", "a.b.ChannelException: refused", "Job 7 - State: PENDING"]
    assert last_words(log) == "a.b.ChannelException: refused"
    assert last_words(["starting", "no space left"]) == "no space left"
    assert last_words([]) == "nothing"
