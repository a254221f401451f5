"""The program that submits jobs, run in a real shell on files that are ours."""

import io
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from tests.factories import make_cluster_settings
from tests.local_transport import LocalTransport
from tests.tuning.slurm.login_node import SCRIPT, cluster, modes, submission
from tuning.errors import (
    AttemptUnwritable,
    CopiesGone,
    RemoteFileError,
    SiteState,
    SlurmUnavailable,
    TransientError,
)
from tuning.slurm.cluster import Cluster, Submission
from tuning.ssh.transport import Completed


class CutShort(LocalTransport):
    """Sends the beginning of a program's input."""

    def __init__(self, arrived_bytes: int) -> None:
        super().__init__()
        self._arrived_bytes = arrived_bytes

    def run(self, command: str, *, stdin: bytes = b"", timeout_seconds: float | None = None) -> Completed:
        return super().run(command, stdin=stdin[: self._arrived_bytes], timeout_seconds=timeout_seconds)


class OldShell(LocalTransport):
    """A login node of another time."""

    def run(self, command: str, *, stdin: bytes = b"", timeout_seconds: float | None = None) -> Completed:
        old = f"VERSION=(4 3); {command.replace('BASH_VERSINFO', 'VERSION')}"
        return super().run(old, stdin=stdin, timeout_seconds=timeout_seconds)


def test_all_that_is_ours_is_closed_to_others(root: Path, tmp_path: Path) -> None:
    slurm = cluster(root, LocalTransport())
    [answer] = slurm.submit([submission(root)])
    assert (tmp_path / "called").exists(), answer
    assert answer.slurm_job_id == 7
    slurm.stage(io.BytesIO(b"[]"), 2, sha256(b"[]").hexdigest(), f"{root}/datasets/x.json")
    found = modes(root)
    assert {"jobs/job_1/1/job.sh", "datasets/x.json"} <= found.keys()
    assert set(found.values()) == {0}


class BreakingOff(LocalTransport):
    """A connection that breaks while the answer is on its way."""

    def __init__(self, heard_bytes: int) -> None:
        super().__init__()
        self._heard_bytes = heard_bytes
        self.left_bytes = 0

    def run(self, command: str, *, stdin: bytes = b"", timeout_seconds: float | None = None) -> Completed:
        done = super().run(command, stdin=stdin, timeout_seconds=timeout_seconds)
        self.left_bytes = len(done.stdout) - self._heard_bytes
        return Completed(done.stdout[: self._heard_bytes], done.stderr, -1)


def test_of_an_answer_that_broke_off_only_whole_ids_are_believed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "bin" / "sbatch").write_text("#!/bin/bash\n[[ $* != *job_1-2* ]] || exit 113\necho 71\n")
    batch = [submission(root, number) for number in (1, 2, 3)]
    cluster(root, LocalTransport())
    seen = set()
    for heard_bytes in range(0, 1000, 3):
        transport = BreakingOff(heard_bytes)
        first, second, third = Cluster(make_cluster_settings(root=str(root)), transport).submit(batch)
        assert (first.slurm_job_id, first.error, third.error) in {(71, None, None), (None, None, None)}
        assert second.slurm_job_id is None
        assert second.error is None or "113" in str(second.error)
        seen.add((first.slurm_job_id, second.error is not None, third.slurm_job_id))
        if transport.left_bytes <= 0:
            break
    assert seen == {(None, False, None), (71, False, None), (71, True, None), (71, True, 71)}


@pytest.mark.parametrize("arrived_bytes", [*range(0, 3072, 512), 1, 700, 1540, 2100, 2570])
def test_nothing_is_submitted_of_what_did_not_arrive_whole(root: Path, tmp_path: Path, arrived_bytes: int) -> None:
    """Two files of three blocks each, with their headers; even where the folder holds them from an earlier time."""
    slurm, transport = cluster(root, LocalTransport()), CutShort(arrived_bytes)
    twice = [submission(root, number, b"x" * 600) for number in (1, 2)]
    slurm.submit(twice)
    (tmp_path / "called").unlink()
    with pytest.raises((TransientError, RemoteFileError)):
        Cluster(make_cluster_settings(root=str(root)), transport).submit(twice)
    assert not (tmp_path / "called").exists()


def test_several_are_submitted_in_their_order_each_with_its_script(root: Path, tmp_path: Path) -> None:
    batch = [submission(root, number, f"#!/bin/bash\necho {number}\n".encode()) for number in (1, 2, 3)]
    answers = cluster(root, LocalTransport()).submit(batch)
    assert [answer.slurm_job_id for answer in answers] == [7, 7, 7]
    lines = (tmp_path / "called").read_text().splitlines()
    named = [line.partition("--error=")[2].split()[0] for line in lines[::3]]
    assert named == [f"{one.directory}/stderr.log" for one in batch]
    assert [line for number, line in enumerate(lines) if number % 3] == b"".join(
        one.files["job.sh"] for one in batch
    ).decode().splitlines()


def test_an_attempt_that_was_given_up_is_not_submitted(root: Path, tmp_path: Path) -> None:
    slurm = cluster(root, LocalTransport())
    batch = [submission(root, number) for number in (1, 2, 3)]
    assert slurm.abandon([batch[0].directory, batch[2].directory]) == dict.fromkeys(
        (batch[0].directory, batch[2].directory), True
    )
    answers = slurm.submit(batch)
    assert [(answer.slurm_job_id, answer.was_begun, answer.is_earlier, answer.error) for answer in answers] == [
        (None, False, True, None),
        (None, False, False, None),
        (None, False, True, None),
    ]
    assert not (tmp_path / "called").exists()
    assert not (root / "jobs/job_1/2").exists(), "nothing was unpacked either"


def test_whoever_has_the_claim_is_told_before_anything_is_submitted(root: Path, tmp_path: Path) -> None:
    slurm = cluster(root, LocalTransport())
    folder = root / "jobs/job_1/1"
    folder.mkdir(parents=True)
    (folder / "claim").symlink_to("77")
    (folder / "job.sh").write_text("as it was")
    [answer] = slurm.submit([submission(root, 1, SCRIPT * 100_000)])
    assert (answer.slurm_job_id, answer.was_begun, answer.is_earlier) == (77, False, True)
    assert not (tmp_path / "called").exists()
    assert (folder / "job.sh").read_text() == "as it was"


@pytest.mark.parametrize(("job_id", "number", "found"), [("job_e", 2, 20), ("job_f", 1, 22), ("job_e", 1, None)])
def test_an_earlier_submission_that_waits_in_slurm_is_found_by_any_token(
    root: Path, job_id: str, number: int, found: int | None
) -> None:
    slurm = cluster(root, LocalTransport())
    folder = root / "jobs" / job_id / str(number)
    folder.mkdir(parents=True)
    (folder / "job.sh").write_text("as it was")
    batch = [Submission("tok", f"{job_id}-{number}-tok", "comment", str(folder), {"job.sh": SCRIPT})]
    [answer] = slurm.submit(batch)
    assert (answer.slurm_job_id, answer.is_earlier) == ((found, True) if found else (7, False))


def test_nothing_is_submitted_twice_while_slurm_does_not_say_what_it_has(root: Path, tmp_path: Path) -> None:
    slurm = cluster(root, LocalTransport())
    slurm.submit([submission(root)])
    (tmp_path / "called").unlink()
    (tmp_path / "down").touch()
    with pytest.raises(SlurmUnavailable):
        slurm.submit([submission(root)])
    assert not (tmp_path / "called").exists()
    [answer] = slurm.submit([submission(root, 2)])
    assert answer.slurm_job_id == 7, "of what was never submitted nothing is asked"


@pytest.mark.parametrize("bad", [(1,), (2,), (3,), (1, 3), (1, 2, 3)])
def test_an_attempt_that_cannot_be_unpacked_holds_no_other_back(
    root: Path, tmp_path: Path, bad: tuple[int, ...]
) -> None:
    """Two files of it want to be a folder and a file."""
    batch = [submission(root, number) for number in (1, 2, 3)]
    for number in bad:
        batch[number - 1] = replace(batch[number - 1], files={"job.sh/x": b"", "job.sh": SCRIPT})
    answers = {one.token: one for one in cluster(root, LocalTransport()).submit(batch)}
    for number in (1, 2, 3):
        answer = answers[f"token{number}"]
        assert answer.slurm_job_id == (None if number in bad else 7)
        assert (f"jobs/job_1/{number}/job.sh" in str(answer.error)) == (number in bad)
    called = (tmp_path / "called").read_text() if (tmp_path / "called").exists() else ""
    assert all(f"job_1-{number} " not in called for number in bad)


def test_where_no_folder_can_be_made_it_is_the_sites_trouble(root: Path, tmp_path: Path) -> None:
    slurm = cluster(root, LocalTransport())
    (root / "jobs").rmdir()
    (root / "jobs").write_text("no folder")
    with pytest.raises(RemoteFileError, match="cannot be unpacked") as caught:
        slurm.submit([submission(root, 1), submission(root, 2)])
    assert not isinstance(caught.value, AttemptUnwritable)
    assert not (tmp_path / "called").exists()


def test_what_an_sbatch_says_that_ends_without_reading_its_script_is_told(root: Path, tmp_path: Path) -> None:
    (tmp_path / "bin" / "sbatch").write_text("#!/bin/bash\necho 'sbatch: fatal: no configuration' >&2\nexit 1\n")
    long = SCRIPT + b"# a pipe holds 64 KB\n" * 10_000
    answers = cluster(root, LocalTransport()).submit([submission(root, number, long) for number in (1, 2)])
    assert ["no configuration" in str(answer.error) for answer in answers] == [True, True]


def test_a_shell_that_would_lose_an_exit_code_submits_nothing(root: Path, tmp_path: Path) -> None:
    cluster(root, LocalTransport())
    with pytest.raises(RemoteFileError, match=r"bash 4\.4 or newer is needed"):
        Cluster(make_cluster_settings(root=str(root)), OldShell()).submit([submission(root)])
    assert not (tmp_path / "called").exists()


def test_nothing_is_submitted_without_its_data(root: Path, tmp_path: Path) -> None:
    slurm = cluster(root, LocalTransport())
    (root / "datasets/there.json").touch()
    needs = ("datasets/gone.jsonl", "datasets/there.json")
    batch = [replace(submission(root, number), data=data) for number, data in enumerate(((), needs, needs[1:]), 1)]
    with pytest.raises(CopiesGone) as gone:
        slurm.submit(batch)
    assert gone.value.paths == ("datasets/gone.jsonl",)
    assert not (tmp_path / "called").exists()
    assert not list((root / "jobs").iterdir())
    (root / "datasets/gone.jsonl").touch()
    assert [answer.slurm_job_id for answer in slurm.submit(batch)] == [7, 7, 7]


def test_nothing_is_submitted_while_the_root_is_away(root: Path, tmp_path: Path) -> None:
    slurm = Cluster(make_cluster_settings(root=str(root)), LocalTransport())
    with pytest.raises(SiteState, match="cannot be entered"):
        slurm.submit([submission(root)])
    assert not (tmp_path / "called").exists()
