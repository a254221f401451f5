"""What the programs on the login node do with files that are ours, run in a real shell."""

import io
import os
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.factories import make_cluster_settings
from tests.local_transport import LocalTransport
from tuning.errors import (
    AttemptUnwritable,
    CopiesGone,
    RemoteFileError,
    SiteState,
    SlurmUnavailable,
    TransientError,
)
from tuning.slurm.answers import ABANDONED, AttemptLook
from tuning.slurm.cluster import Cluster, Examination, LookRequest, ReadRequest, RootSign, Submission
from tuning.slurm.inventory import ClusterFacts
from tuning.slurm.records import parse_files
from tuning.ssh.transport import Completed

SCRIPT = b"#!/bin/bash\nexit\n"


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


class Damaging(LocalTransport):
    """Loses the last byte of an upload."""

    def put(self, content: BinaryIO, path: str, *, mode: int = 0o644) -> None:
        super().put(io.BytesIO(content.read()[:-1]), path, mode=mode)


SBATCH = """#!/bin/bash
script=$(cat "${{!#}}" 2>/dev/null || cat)
[ -n "$script" ] || {{ echo "sbatch: error: Batch script is empty!" >&2; exit 1; }}
printf '%s\\n%s\\n' "$*" "$script" >>{0}/called
echo 7
"""
SCANCEL = """#!/bin/bash
echo "$@" >>{0}/called
"""
SQUEUE = """#!/bin/bash
[ ! -e {0}/down ] || exit 1
printf '7\\x1fjob_a-1-0\\x1f\\n8\\x1fmine\\x1f(null)\\n9\\x1fjob_c-1-0\\x1f\\n15_1\\x1fjob_d-1-0\\x1f\\n'
printf '20\\x1frenamed\\x1fpacktrain:job_e:2:token-with-dash\\n21\\x1fjob_e-21-0\\x1f\\n22\\x1fjob_f-1-another\\x1f\\n'
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our folder on a cluster whose sbatch takes its script from a file or from stdin, and notes what it got."""
    (tmp_path / "bin").mkdir()
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.write_text(SBATCH.format(tmp_path))
    sbatch.chmod(0o755)
    (tmp_path / "bin" / "squeue").write_text(SQUEUE.format(tmp_path))
    (tmp_path / "bin" / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "packtrain"


def cluster(root: Path, transport: LocalTransport) -> Cluster:
    found = Cluster(make_cluster_settings(root=str(root)), transport)
    found.prepare()
    return found


def submission(root: Path, number: int = 1, script: bytes = SCRIPT) -> Submission:
    directory = f"{root}/jobs/job_1/{number}"
    return Submission(f"token{number}", f"job_1-{number}", "comment", directory, {"job.sh": script})


def modes(root: Path) -> dict[str, int]:
    return {str(path.relative_to(root)): path.stat().st_mode & 0o077 for path in [root, *root.rglob("*")]}


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


def test_an_attempt_that_was_given_up_is_not_submitted_and_those_beside_it_wait(root: Path, tmp_path: Path) -> None:
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


SACCT = """#!/bin/bash
[ ! -e {0}/down ] || exit 1
printf '7|job_1-1-0|100|COMPLETED|0:0|100|200|n1\\n8|job_1-2-0|100|FAILED|0:9|100|200|n1\\n'
"""


def test_a_closer_look_tells_of_claims_starts_and_outputs(root: Path, tmp_path: Path) -> None:
    slurm = cluster(root, LocalTransport())
    (tmp_path / "bin" / "sacct").write_text(SACCT.format(tmp_path))
    (tmp_path / "bin" / "sacct").chmod(0o755)
    claimed, free, gone = (root / f"jobs/job_{number}/1" for number in (1, 2, 3))
    for folder in (claimed, free):
        (folder.parent / "output/checkpoint-5").mkdir(parents=True)
        folder.mkdir()
    (claimed / "claim").symlink_to("77")
    (claimed / "started").write_text("x")
    os.utime(claimed / "started", (50, 50))
    (claimed.parent / "output/checkpoint-5/a file").write_bytes(b"123")
    (claimed.parent / "output/link").symlink_to("/etc")
    (free.parent / "output").rename(free.parent / "elsewhere")
    (free.parent / "output").symlink_to(claimed.parent / "output")
    requests = [LookRequest(str(folder), f"{folder.parent}/output") for folder in (claimed, free, gone)]
    found = slurm.examine([7, 8], 3600, requests)
    first, second, third = found.looks
    assert first
    assert (first.claim, first.owner, first.started_epoch) == ("77", 77, 50.0)
    assert [file.path for file in parse_files(first.listing).files] == ["checkpoint-5/a file"]
    assert (second, third) == (AttemptLook(""), AttemptLook(None)), "no link is followed"
    codes = {slurm_job_id: job.exit_code for (slurm_job_id, _), job in found.accounted.items()}
    assert codes == {7: 0, 8: 137}
    (tmp_path / "down").touch()
    assert slurm.examine([7], 3600, requests[:1]) == Examination({}, [first])


def test_a_claim_is_taken_only_where_nobody_has_it_and_the_jobs_lie(root: Path) -> None:
    slurm = cluster(root, LocalTransport())
    claimed, free, gone = (root / f"jobs/job_{number}/1" for number in (1, 2, 3))
    for folder in (claimed, free):
        folder.mkdir(parents=True)
    (claimed / "claim").symlink_to("77")
    requests = [LookRequest(str(folder), f"{folder.parent}/output", True) for folder in (claimed, free, gone)]
    looks = slurm.examine([], 1, requests).looks
    assert [look and look.claim for look in looks] == ["77", ABANDONED, ABANDONED]
    assert (gone / "claim").readlink() == Path(ABANDONED)
    (root / "jobs").rename(root / "away")
    assert slurm.examine([], 1, requests[1:2]).looks == [AttemptLook(None)]
    assert not (root / "jobs").exists()


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


def test_a_look_tells_whether_our_folder_is_there(root: Path, queue: Path) -> None:
    slurm = cluster(root, LocalTransport())
    assert slurm.observe([]).has_root
    (root / "jobs").rename(root / "elsewhere")
    assert not slurm.observe([]).has_root


@pytest.mark.parametrize("there", [None, b"[3]", b"[]", b"[1] "])
def test_a_content_is_known_by_its_bytes(root: Path, there: bytes | None) -> None:
    content, path = b"[1]", root / "datasets/x.json"
    slurm, digest = cluster(root, LocalTransport()), sha256(b"[1]").hexdigest()
    if there is not None:
        path.write_bytes(there)
    assert not slurm.has_content(len(content), digest, str(path))
    slurm.stage(io.BytesIO(content), len(content), digest, str(path))
    assert (path.read_bytes(), slurm.has_content(len(content), digest, str(path))) == (content, True)


SIGN = RootSign("inst", "host:1", "", "sign")


def described(slurm: Cluster) -> ClusterFacts:
    _, facts = slurm.facts(SIGN)
    assert facts
    return facts


def test_the_facts_tell_of_the_copies_and_not_of_a_folder_that_is_away(root: Path, tmp_path: Path) -> None:
    (tmp_path / "bin/sinfo").write_text("#!/bin/bash\n")
    (tmp_path / "bin/sinfo").chmod(0o755)
    slurm = cluster(root, LocalTransport())
    (root / "datasets/a.json").write_bytes(b"[1]")
    (root / "datasets/link.json").symlink_to("a.json")
    facts = described(slurm)
    assert facts.copies is not None
    assert {name: stat.size_bytes for name, stat in facts.copies.items()} == {"a.json": 3}
    assert "copies" not in facts.to_json()
    (root / "datasets").rename(root / "elsewhere")
    assert described(slurm).copies is None


def test_facts_without_an_answer_of_sinfo_are_none(root: Path, tmp_path: Path) -> None:
    (tmp_path / "bin/sinfo").write_text("#!/bin/bash\necho 'sinfo: error: no slurm.conf' >&2\nexit 1\n")
    (tmp_path / "bin/sinfo").chmod(0o755)
    answer, facts = cluster(root, LocalTransport()).facts(SIGN)
    assert (answer.is_ours, facts) == (True, None)
    assert "no slurm.conf" in str(answer.trouble)


def test_a_data_set_that_was_damaged_on_its_way_is_not_put_in_its_place(root: Path) -> None:
    content = b'[{"a": 1}]'
    with pytest.raises(TransientError, match="damaged"):
        cluster(root, Damaging()).stage(
            io.BytesIO(content), len(content), sha256(content).hexdigest(), f"{root}/datasets/x.json"
        )
    assert list((root / "datasets").iterdir()) == []


@pytest.fixture
def queue(root: Path, tmp_path: Path) -> Path:
    """A cluster that has three jobs; returns what its scancel was called with."""
    (tmp_path / "bin" / "scancel").write_text(SCANCEL.format(tmp_path))
    (tmp_path / "bin" / "scancel").chmod(0o755)
    (tmp_path / "called").touch()
    return tmp_path / "called"


def test_only_a_job_with_this_number_and_this_name_is_ended(root: Path, queue: Path) -> None:
    slurm = cluster(root, LocalTransport())
    slurm.cancel([(7, "job_a-1-0"), (8, "job_b-1-0"), (10, "job_c-1-0"), (15, "job_d-1-0")])
    assert queue.read_text() == "7\n"
    slurm.cancel([(8, "job_b-1-0")])
    assert queue.read_text() == "7\n", "nothing is signalled when there is nobody"


def test_a_job_that_was_renamed_is_ended_by_its_comment_and_one_of_another_token_by_its_attempt(
    root: Path, queue: Path
) -> None:
    slurm = cluster(root, LocalTransport())
    slurm.cancel([(20, "job_e-2-to-n-ken"), (21, "job_e-2-token123"), (22, "job_f-1-t-ken123")])
    assert queue.read_text() == "20 22\n"


def test_those_that_were_asked_to_stop_are_told(root: Path, queue: Path) -> None:
    asked = cluster(root, LocalTransport()).ask_to_stop([(7, "job_a-1-0"), (8, "job_b-1-0"), (9, "job_c-1-0")])
    assert asked == {"job_a-1-0", "job_c-1-0"}
    assert queue.read_text() == "--batch --signal=USR1 7 9\n"


def test_nobody_is_ended_by_a_cluster_that_does_not_say_whom_it_has(root: Path, queue: Path, tmp_path: Path) -> None:
    (tmp_path / "down").touch()
    with pytest.raises(SlurmUnavailable):
        cluster(root, LocalTransport()).cancel([(7, "job_a-1-0")])
    assert queue.read_text() == ""


def test_a_look_opens_what_it_is_told_to_and_waits_for_no_pipe(root: Path, queue: Path) -> None:
    folder = root / "jobs/job_1"
    folder.mkdir(parents=True)
    (folder / "exit").write_text("7")
    os.mkfifo(folder / "pipe")
    opened = [str(path) for path in (folder, folder / "exit", folder / "pipe", folder / "none")]
    seen = cluster(root, LocalTransport()).observe([f"{folder}/exit", f"{folder}/pipe"], opened)
    assert {path: stat.size_bytes for path, stat in seen.files.items()} == {f"{folder}/exit": 1}
    assert seen.refused == {f"{folder}/pipe"}


def test_a_look_at_no_file_sees_none(root: Path, queue: Path) -> None:
    assert cluster(root, LocalTransport()).observe([]).files == {}


@pytest.fixture(params=["perl", "dd"])
def reader(request: pytest.FixtureRequest, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster whose login node has perl, or has none."""
    found = cluster(root, LocalTransport())
    if request.param == "dd":
        for name in ("bash", "dd", "readlink", "stat"):
            (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return found


def test_parts_of_many_files_are_read_and_what_is_no_file_is_refused(reader: Cluster, root: Path) -> None:
    long, odd = root / "long", root / "a name "
    long.write_bytes(bytes(range(256)) * 1000)
    odd.write_bytes(b"one\ntwo\n")
    os.mkfifo(root / "pipe")
    wanted = [
        ReadRequest(str(root / "gone"), 0, 10),
        ReadRequest(str(long), 255_000, 100_000),
        ReadRequest(str(root / "pipe"), 0, 10),
        ReadRequest(str(root / "jobs"), 0, 10),
        ReadRequest(str(odd), 4, 3),
    ]
    answer = reader.read(wanted)
    assert answer.contents == {str(long): long.read_bytes()[255_000:], str(odd): b"two"}
    assert answer.refused == {str(root / "pipe"), str(root / "jobs")}


def test_a_part_from_the_middle_of_a_long_file_is_read(reader: Cluster, root: Path) -> None:
    long = root / "long"
    long.write_bytes(bytes(range(251)) * 2000)
    assert reader.read([ReadRequest(str(long), 1000, 200_000)]).contents == {str(long): long.read_bytes()[1000:201_000]}


SRUN = """#!/bin/bash
while [[ $1 = -* ]]; do shift; done
SLURM_JOB_ID=7 exec "$@"
"""
LISTPIDS = """#!/bin/bash
[ "$*" = "listpids 7" ] || exit 1
printf 'PID      JOBID    STEPID   LOCALID GLOBALID\\n{} 7 batch 0 0\\n-1 7 extern 0 0\\n'
"""


def test_of_a_node_only_the_processes_of_the_job_are_told(root: Path, tmp_path: Path) -> None:
    for name, program in {"srun": SRUN, "scontrol": LISTPIDS.format(os.getpid())}.items():
        (tmp_path / "bin" / name).write_text(program)
        (tmp_path / "bin" / name).chmod(0o755)
    said = cluster(root, LocalTransport()).inspect(7)
    lines = [line.split() for line in said.split("PID ", 1)[1].splitlines()[1:]]
    assert [words[0] for words in lines] == [str(os.getpid())]
    (tmp_path / "bin" / "scontrol").write_text("#!/bin/bash\nexit 1\n")
    assert "PID" not in cluster(root, LocalTransport()).inspect(7), "where Slurm does not say which, none is told"
