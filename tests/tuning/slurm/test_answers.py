"""Slurm's answers, as they were recorded from 22.05 and 24.11."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transcripts import read
from tuning.errors import RemoteDiskFull, SiteLimit, SlurmUnavailable, SubmissionRefused
from tuning.slurm.answers import (
    AccountedJob,
    FileStat,
    QueuedJob,
    Submitted,
    TrialAnswer,
    parse_accounting,
    parse_queue,
    parse_stats,
    parse_submission,
    parse_trial,
    split_parts,
)

OLD, NEW = "slurm-22.05", "slurm-24.11"
REFUSED = [
    "bad-constraint",
    "bad-dependency",
    "bad-gres-type",
    "bad-option",
    "bad-partition",
    "bad-time",
    "time-over-partition",
    "too-many-cpus",
    "too-many-gpus",
    "too-many-nodes",
    "too-much-memory",
]


@pytest.mark.parametrize("version", [OLD, NEW])
def test_an_id_is_an_id(version: str) -> None:
    said = read(version, "sbatch-ok")
    answer = parse_submission(said.exit_status, said.stderr + said.stdout)
    assert answer == Submitted(slurm_job_id=int(said.stdout))


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("version", [NEW])
def test_a_refusal_is_permanent_and_in_slurms_own_words(version: str, name: str) -> None:
    said = read(version, f"sbatch-{name}")
    answer = parse_submission(said.exit_status, said.stderr)
    assert isinstance(answer.error, SubmissionRefused)
    assert str(answer.error)
    assert "sbatch: error" not in str(answer.error)


def test_a_full_queue_is_waiting() -> None:
    said = read(NEW, "sbatch-qos-submit-limit")
    assert isinstance(parse_submission(said.exit_status, said.stderr).error, SiteLimit)


@pytest.mark.parametrize("name", ["sbatch-qos-wall-limit", "sbatch-qos-gpu-limit"])
def test_a_job_too_large_for_its_qos_would_wait_for_ever(name: str) -> None:
    said = read(NEW, name)
    assert isinstance(parse_submission(said.exit_status, said.stderr).error, SubmissionRefused)


@pytest.mark.parametrize(
    "said",
    [
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received",
        "sbatch: error: If munged is up, restart with --num-threads=10\nsbatch: error: Munge decode failed",
    ],
)
def test_an_sbatch_that_was_not_heard_may_have_been_heard(said: str) -> None:
    assert parse_submission(1, said) == Submitted()


def test_an_sbatch_that_was_killed_may_have_been_heard() -> None:
    assert parse_submission(137, "") == Submitted()


def test_a_success_without_an_id_tells_nothing() -> None:
    assert parse_submission(0, "Welcome to the lab!\n") == Submitted()


def test_a_banner_before_the_id_does_no_harm() -> None:
    assert parse_submission(0, "Welcome, job 12!\n99\n41;lab\n") == Submitted(slurm_job_id=41)
    assert parse_submission(0, "4711;alps-gpu.cscs\n") == Submitted(slurm_job_id=4711)


@pytest.mark.parametrize(
    ("status", "said", "error"),
    [
        (1, "sbatch: error: I/O error writing script/environment to file", RemoteDiskFull),
        (127, "bash: sbatch: command not found", SlurmUnavailable),
        (1, "sbatch: error: AssocMaxSubmitJobLimit", SiteLimit),
    ],
)
def test_troubles_that_are_known_to_have_submitted_nothing(status: int, said: str, error: type[Exception]) -> None:
    assert isinstance(parse_submission(status, said).error, error)


def test_the_queue_survives_hostile_names_and_arrays() -> None:
    line = "7\x1fPENDING\x1fResources\x1f1795308203\x1f\x1fa-1\x1fpacktrain:a:1:tok"
    odd = "8\x1fRUNNING\x1fNone\x1fN/A\x1fn1\x1fwe|ird\x1f name \x1f comment"
    array = "15_1\x1fPENDING\x1fJobHeldUser\x1fN/A\x1f\x1fwrap\x1f(null)"
    queue = parse_queue("\n".join([line, odd, array, "garbage", ""]).encode())
    assert queue == {
        7: QueuedJob(7, "PENDING", "Resources", 1795308203.0, None, "a-1", "packtrain:a:1:tok"),
        8: QueuedJob(8, "RUNNING", None, None, "n1", "we|ird", " name \x1f comment"),
    }


def test_of_a_requeued_job_the_latest_line_counts() -> None:
    lines = [
        "5|a-1|200|RUNNING|0:0|210|Unknown|n1",
        "5|a-1|100|FAILED|1:0|110|120|n2",
        "5|b-1|300|COMPLETED|0:0|310|320|n2",
        "6|c-1|100|CANCELLED by 1000|0:15|Unknown|120|None assigned",
    ]
    assert parse_accounting("\n".join(lines).encode()) == {
        (5, "a-1"): AccountedJob(5, "RUNNING", 0, 210.0, None, "n1"),
        (5, "b-1"): AccountedJob(5, "COMPLETED", 0, 310.0, 320.0, "n2"),
        (6, "c-1"): AccountedJob(6, "CANCELLED by 1000", 143, None, 120.0, None),
    }


def test_stats_are_read_whatever_the_path() -> None:
    content = b"12 34 100 /a b\0" + b"1 2 3 /x\ny\0" + b"junk\0" + b"5 6"
    assert parse_stats(content) == {"/a b": FileStat(12, 34, 100.0), "/x\ny": FileStat(1, 2, 3.0)}


def test_the_number_of_a_file_fits_into_a_database() -> None:
    stats = parse_stats(f"{2**64 - 1} 34 100 /a\0{2**63 - 2} 34 100 /b\0".encode())
    assert (stats["/a"].inode, stats["/b"].inode) == (2**63 - 1, 2**63 - 2)


def test_parts_are_told_by_the_boundary_alone() -> None:
    stdout = b"MOTD\n\nB part 0\nlog\nB part 9 of the log\n\nC part 1\n\nB done\n"
    parts = split_parts(stdout, "B")
    assert [part.words for part in parts] == [("part", "0"), ("part", "9", "of", "the", "log"), ("done",)]
    assert [part.words for part in split_parts(stdout, "Z")] == []


LINE = "7\x1fRUNNING\x1fNone\x1f100\x1fn1\x1fa\x1fb\n"


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        (LINE.replace("7", "9" * 5000), None),
        (LINE.replace("7", "4294967296"), None),
        (LINE.replace("7", "٣"), None),
        (LINE.replace("100", "999999999999"), {"start_epoch": None}),
        (LINE.replace("n1", "n\x001"), {"nodes": "n1"}),
        (LINE.replace("RUNNING", "R" * 99), {"state": "R" * 32}),
    ],
)
def test_what_the_database_would_refuse_is_left_out(line: str, changes: dict[str, Any] | None) -> None:
    usual = QueuedJob(7, "RUNNING", None, 100.0, "n1", "a", "b")
    assert parse_queue(line.encode()) == ({7: replace(usual, **changes)} if changes is not None else {})


def test_a_file_of_any_size_has_one_that_the_database_takes() -> None:
    assert parse_stats(f"1 {2**64} 999999999999 /a\0".encode()) == {"/a": FileStat(1, 2**63 - 1, 0.0)}
    assert parse_stats(b"1 " + b"9" * 5000 + b" 1 /a\0") == {}


NUMBERS = st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64, 10**30]).map(lambda number: b"%d" % number)
PIECES = NUMBERS | st.binary(max_size=20)


def lines_of(fields: int, between: bytes, end: bytes) -> st.SearchStrategy[bytes]:
    """Lines of so many fields, of which the first is a number."""
    lines = st.lists(st.tuples(NUMBERS, *[PIECES] * (fields - 1)), max_size=5)
    return lines.map(lambda all_: b"".join(between.join(line) + end for line in all_)) | st.binary(max_size=200)


@given(lines_of(7, b"\x1f", b"\n"), lines_of(8, b"|", b"\n"))
def test_no_bytes_make_a_job_that_slurm_cannot_have(queue: bytes, accounting: bytes) -> None:
    numbers = [*parse_queue(queue), *(number for number, _ in parse_accounting(accounting))]
    assert all(0 < number < 2**32 for number in numbers)


@given(lines_of(4, b" ", b"\0"))
def test_no_bytes_make_a_file_that_the_database_cannot_take(content: bytes) -> None:
    found = parse_stats(content).values()
    assert all(0 <= number < 2**63 for one in found for number in (one.inode, one.size_bytes))


@given(st.binary(max_size=50), st.lists(st.sampled_from([b"b", b"\nb ", b"\n", b"x"]), max_size=9).map(b"".join))
def test_no_bytes_make_parts_of_more_than_they_hold(banner: bytes, content: bytes) -> None:
    parts = split_parts(banner + content, "b")
    assert len(parts) == (banner + content).count(b"\nb ")
    assert sum(len(part.content) for part in parts) <= len(banner + content)


@given(contents=st.lists(st.binary(max_size=80), max_size=5))
def test_framed_contents_come_out_as_they_went_in(contents: list[bytes]) -> None:
    boundary = "0123456789abcdef"
    stdout = b"".join(b"\n%s part %d\n%s" % (boundary.encode(), number, one) for number, one in enumerate(contents))
    assert [part.content for part in split_parts(b"banner" + stdout, boundary)] == contents


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_trial_tells_when_it_would_start_or_why_never(version: str) -> None:
    good, too_large = read(version, "sbatch-try-ok"), read(version, "sbatch-try-too-many-gpus")
    start = parse_trial(good.exit_status, good.stderr)
    assert (start.error, 1.7e9 < (start.start_epoch or 0) < 2e9) == (None, True)
    refusal = parse_trial(too_large.exit_status, too_large.stderr)
    assert isinstance(refusal.error, SubmissionRefused)
    assert str(refusal.error) == "Requested node configuration is not available"


def test_a_trial_without_words_is_no_answer() -> None:
    assert parse_trial(0, "") == TrialAnswer()
    assert parse_trial(1, "allocation failure: Unable to contact slurm controller (connect failure)") == TrialAnswer()
