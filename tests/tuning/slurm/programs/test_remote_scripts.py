"""Programs on the login node on files that are ours, run in a real shell."""

import io
import os
import re
import shutil
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.local_transport import LocalTransport
from tests.tuning.slurm.login_node import cluster
from tuning.datasets.storage.store import EXTENSIONS
from tuning.errors import TransientError
from tuning.jobs.layout import dataset_path
from tuning.slurm.answers import ABANDONED, AttemptLook
from tuning.slurm.cluster import Cluster, Examination, LookRequest, ReadRequest, RootSign
from tuning.slurm.inventory import Inventory
from tuning.slurm.programs import remote_scripts, signal_program, submit_program, witness_programs
from tuning.ssh.file_listing import parse_files

SACCT = """#!/bin/bash
[ ! -e {0}/down ] || exit 1
printf '7|job_1-1-0|100|COMPLETED|0:0|100|200|n1\\n8|job_1-2-0|100|FAILED|0:9|100|200|n1\\n'
"""
SIGN = RootSign("inst", "host:1", "", "sign")
SRUN = """#!/bin/bash
while [[ $1 = -* ]]; do shift; done
SLURM_JOB_ID=7 exec "$@"
"""
LISTPIDS = """#!/bin/bash
[ "$*" = "listpids 7" ] || exit 1
printf 'PID      JOBID    STEPID   LOCALID GLOBALID\\n{} 7 batch 0 0\\n-1 7 extern 0 0\\n'
"""


class Damaging(LocalTransport):
    """Loses the last byte of an upload."""

    def put(self, content: BinaryIO, path: str, *, mode: int = 0o644) -> None:
        super().put(io.BytesIO(content.read()[:-1]), path, mode=mode)


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


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_copies_of_every_kind_of_content_are_removed(root: Path, extension: str) -> None:
    slurm = cluster(root, LocalTransport())
    path, other = dataset_path(str(root), "ab" * 32, extension), root / "datasets/notes.tar"
    for file in (Path(path), other):
        file.write_bytes(b"x")
    assert slurm.remove([path, str(other)]) == [path]
    assert (Path(path).exists(), other.exists()) == (False, True)


def described(slurm: Cluster) -> Inventory:
    _, inventory = slurm.describe(SIGN)
    assert inventory
    return inventory


def test_the_facts_tell_of_the_copies_and_not_of_a_folder_that_is_away(root: Path, tmp_path: Path) -> None:
    (tmp_path / "bin/sinfo").write_text("#!/bin/bash\n")
    (tmp_path / "bin/sinfo").chmod(0o755)
    slurm = cluster(root, LocalTransport())
    (root / "datasets/a.json").write_bytes(b"[1]")
    (root / "datasets/link.json").symlink_to("a.json")
    inventory = described(slurm)
    assert inventory.copies is not None
    assert {name: stat.size_bytes for name, stat in inventory.copies.items()} == {"a.json": 3}
    assert "copies" not in inventory.to_json()
    (root / "datasets").rename(root / "elsewhere")
    assert described(slurm).copies is None


def test_facts_without_an_answer_of_sinfo_are_none(root: Path, tmp_path: Path) -> None:
    (tmp_path / "bin/sinfo").write_text("#!/bin/bash\necho 'sinfo: error: no slurm.conf' >&2\nexit 1\n")
    (tmp_path / "bin/sinfo").chmod(0o755)
    answer, inventory = cluster(root, LocalTransport()).describe(SIGN)
    assert (answer.is_ours, inventory) == (True, None)
    assert "no slurm.conf" in str(answer.trouble)


def test_a_data_set_that_was_damaged_on_its_way_is_not_put_in_its_place(root: Path) -> None:
    content = b'[{"a": 1}]'
    with pytest.raises(TransientError, match="damaged"):
        cluster(root, Damaging()).stage(
            io.BytesIO(content), len(content), sha256(content).hexdigest(), f"{root}/datasets/x.json"
        )
    assert list((root / "datasets").iterdir()) == []


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


def test_of_a_node_only_the_processes_of_the_job_are_told(root: Path, tmp_path: Path) -> None:
    for name, program in {"srun": SRUN, "scontrol": LISTPIDS.format(os.getpid())}.items():
        (tmp_path / "bin" / name).write_text(program)
        (tmp_path / "bin" / name).chmod(0o755)
    said = cluster(root, LocalTransport()).inspect(7)
    lines = [line.split() for line in said.split("PID ", 1)[1].splitlines()[1:]]
    assert [words[0] for words in lines] == [str(os.getpid())]
    (tmp_path / "bin" / "scontrol").write_text("#!/bin/bash\nexit 1\n")
    assert "PID" not in cluster(root, LocalTransport()).inspect(7), "where Slurm does not say which, none is told"


def test_hidden_partitions_are_asked_for_wherever_slurm_is() -> None:
    """Without -a neither command shows what lies in a hidden partition: its jobs would be taken for gone."""
    modules = (remote_scripts, signal_program, submit_program, witness_programs)
    texts = [text for module in modules for text in vars(module).values() if isinstance(text, str)]
    calls = [call for text in texts for call in re.findall(r"\b(?:squeue|sinfo) -[^;|)\n]*", text)]
    questions = [call for call in calls if "--version" not in call]
    assert len(questions) >= 5
    assert [call for call in questions if " -a " not in call] == []
