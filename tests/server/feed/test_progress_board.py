"""The board of progress: an entry a job, the newest version of each, the longest unread let go."""

from server.feed.progress import ProgressEntry
from server.feed.progress_board import Board
from tests.server.feeding import job_state


def entry(job_id: str, version: int = 1) -> ProgressEntry:
    return ProgressEntry(job_state(job_id, version), None, 0.0)


def held(board: Board) -> set[str]:
    return set(board.versions())


def test_an_older_version_does_not_replace_a_newer() -> None:
    board = Board()
    assert board.put(entry("job_a", 2))
    assert not board.put(entry("job_a", 1))
    assert board.versions() == {"job_a": 2}


def test_changes_come_in_the_order_of_their_last_one() -> None:
    board = Board()
    for job_id, version in (("job_a", 1), ("job_b", 1), ("job_a", 2)):
        board.put(entry(job_id, version))
    assert [each.state.id for each in board.changed_after(0)] == ["job_b", "job_a"]
    assert [each.state.id for each in board.changed_after(2)] == ["job_a"]
    assert board.changed_after(board.serial) == []


def test_the_entry_that_was_read_longest_ago_is_let_go() -> None:
    board = Board(capacity=2)
    board.put(entry("job_a"))
    board.put(entry("job_b"))
    assert board.get("job_a")
    board.put(entry("job_c"))
    assert held(board) == {"job_a", "job_c"}
    assert board.get("job_b") is None
