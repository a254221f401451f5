"""From counts and seconds to the table's rows."""

import pytest

from tests.bench.peers.contest import Contest, Side, Ssh, absent, ssh_row
from tests.bench.peers.orders import Poll
from tests.bench.sshd_log import SshdCount


class Nobody:
    """A queue that nobody asks: the numbers are there already."""

    def submit(self, count: int) -> float:
        raise AssertionError

    def poll(self, times: int) -> Poll:
        raise AssertionError

    def forget(self) -> None:
        raise AssertionError


def side(*, is_ours: bool, period_seconds: float | None = None) -> Side:
    factor = 1 if is_ours else 4
    return Side(
        Nobody(),
        is_ours=is_ours,
        one=[0.5 * factor],
        many=[2.0 * factor, 2.0 * factor],
        polls=[Poll([0.01 * factor] * 3, looks=2, period_seconds=period_seconds)] * 2,
        submitting=[SshdCount(0, 10, 2, 1), SshdCount(1, 30, 0, 1)],
        looking=[SshdCount(0, 6 * factor, 0, 1)] * 2,
    )


def test_a_job_and_a_look_have_their_share_of_what_sshd_counted() -> None:
    ours = side(is_ours=True)
    assert ours.a_job(10) == Ssh(commands=2.0, connections=0.05, file_servers=0.1)
    assert ours.a_look() == Ssh(commands=3.0, connections=0.0, file_servers=0.0)


def test_five_rows_set_both_side_by_side() -> None:
    contest = Contest(side(is_ours=True, period_seconds=2.0), side(is_ours=False), count=10)
    rows = contest.rows("Peer 1.0, over SSH", "as its guide says")
    assert [row.measured for row in rows] == [
        "0.50 s / 2.00 s",
        "2.00 s / 8.00 s",
        "2.00 / 2.00 commands",
        "10.00 ms / 40.00 ms",
        "3.00 / 12.00 commands",
    ]
    assert [row.ratio for row in rows] == ["0.25", "0.25", "1.00", "0.25", "0.25"]
    assert rows[3].spread == "up to 2.0 s old / new"
    assert {row.beside for row in rows} == {"Peer 1.0, over SSH"}
    assert {row.holds for row in rows} == {None}


@pytest.mark.parametrize(("theirs", "ratio"), [(8.0, "0.25"), (0.0, "-")])
def test_a_peer_that_needs_no_command_has_no_ratio(theirs: float, ratio: str) -> None:
    row = ssh_row("a job", "peer", Ssh(2.0, 0.0, 0.05), Ssh(theirs, 1.0, 1.0))
    assert row.ratio == ratio
    assert row.spread == "0.00 / 1.00 connections, 0.05 / 1.00 SFTP"


def test_a_peer_that_does_not_work_has_a_row_that_says_why() -> None:
    row = absent("Peer, over SSH", "pip failed (1);\n  no such | version", "as its guide says")
    assert row.cells()[:3] == ("(does not work here)", "Peer, over SSH", "pip failed (1); no such / version")
