"""Nothing on the login node follows a link beneath our root: each program, each level, in a real shell."""

import io
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from tests.factories import make_cluster_settings
from tests.local_transport import LocalTransport
from tuning.errors import RemoteFileError, Unreachable
from tuning.slurm.cluster import Cluster, ReadRequest, Submission
from tuning.ssh.checked_files import FileRange, look_at_files, send_files

KEY = b"PRIVATE KEY"
OWN = b"a line of the run's own"
LOG = "jobs/job_1/1/stdout.log"
Spoil = Callable[[Path, Path], None]
"""Puts something else in the place of the second: a way to the first."""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A home beside our root, with what lies in it by the names that we ask for."""
    home = tmp_path / "home"
    for path in (LOG, "1/stdout.log", "job_1/1/stdout.log", "stdout.log", "checkpoint-7/weights", "x.json"):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(KEY)
    return home


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our folder on a cluster that has no job."""
    programs = {"squeue": "exit 0", "sbatch": "cat >/dev/null; echo 7"}
    (tmp_path / "bin").mkdir()
    for name, text in programs.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    (tmp_path / "packtrain").mkdir()
    return tmp_path / "packtrain"


@pytest.fixture(params=["perl", "no perl"])
def slurm(request: pytest.FixtureRequest, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster whose login node has perl, or has none."""
    if request.param == "no perl":
        for name in ("bash", "cat", "dd", "readlink", "stat", "mkdir", "find", "rm", "ln", "mv", "tar", "sha256sum"):
            (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = make_cluster(root)
    found.prepare()
    (root / LOG).parent.mkdir(parents=True)
    (root / LOG).write_bytes(OWN)
    return found


def make_cluster(root: Path) -> Cluster:
    return Cluster(make_cluster_settings(root=str(root)), LocalTransport())


def cleared(place: Path) -> Path:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    return place


def linked(target: Path, place: Path) -> None:
    cleared(place).symlink_to(target)


def linked_by_a_relative_path(target: Path, place: Path) -> None:
    cleared(place).symlink_to(os.path.relpath(target, place.parent))


def linked_by_a_padded_path(target: Path, place: Path) -> None:
    cleared(place).symlink_to(f"{target.parent}{'/.' * 1500}/{target.name}")


def linked_through_proc(target: Path, place: Path) -> None:
    cleared(place).symlink_to(f"/proc/self/root{target}")


def linked_twice(target: Path, place: Path) -> None:
    linked(target, place.with_name("between"))
    linked(place.with_name("between"), place)


def second_name(target: Path, place: Path) -> None:
    cleared(place).hardlink_to(target)


def piped(_target: Path, place: Path) -> None:
    os.mkfifo(cleared(place))


def made_a_folder(_target: Path, place: Path) -> None:
    cleared(place).mkdir()


def linked_to_a_device(_target: Path, place: Path) -> None:
    cleared(place).symlink_to("/dev/zero")


def linked_to_own_memory(_target: Path, place: Path) -> None:
    cleared(place).symlink_to("/proc/self/environ")


LINKED = [linked, linked_by_a_relative_path, linked_by_a_padded_path, linked_through_proc, linked_twice]
OTHER = [second_name, piped, made_a_folder, linked_to_a_device, linked_to_own_memory]
LEVELS = [("jobs", "jobs"), ("jobs/job_1", "job_1"), ("jobs/job_1/1", "1"), (LOG, "stdout.log")]
WAYS = [(spoil, *level) for spoil in LINKED for level in LEVELS] + [(spoil, LOG, "stdout.log") for spoil in OTHER]


@pytest.mark.parametrize(("spoil", "place", "target"), WAYS)
class TestReading:
    def test_is_refused(self, slurm: Cluster, root: Path, outside: Path, spoil: Spoil, place: str, target: str) -> None:
        spoil(outside / target, root / place)
        path = f"{root}/{LOG}"
        answer = slurm.read([ReadRequest(path, 0, 100)])
        assert answer.contents == {}
        assert answer.refused == {path}

    def test_is_not_even_seen(
        self, slurm: Cluster, root: Path, outside: Path, spoil: Spoil, place: str, target: str
    ) -> None:
        spoil(outside / target, root / place)
        path = f"{root}/{LOG}"
        seen = slurm.observe([path], [str(Path(path).parent), path])
        assert seen.files == {}
        assert seen.refused == {path}

    def test_is_not_served(
        self, slurm: Cluster, root: Path, outside: Path, spoil: Spoil, place: str, target: str
    ) -> None:
        spoil(outside / target, root / place)
        transport, path = LocalTransport(), f"{root}/{LOG}"
        [look] = look_at_files(transport, str(root), [path])
        assert look
        assert look.is_refused
        with pytest.raises(RemoteFileError, match="no longer a file"):
            list(send_files(transport, str(root), [FileRange(path, 0, len(KEY))]))


def test_another_persons_run_is_outside_too(slurm: Cluster, root: Path) -> None:
    theirs = root / "jobs/job_2/1/stdout.log"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(KEY)
    for spoil, target, place in (
        (linked, theirs, LOG),
        (second_name, theirs, LOG),
        (linked, theirs.parent, "jobs/job_1/1"),
        (linked, theirs.parent.parent, "jobs/job_1"),
    ):
        spoil(target, root / place)
        path = f"{root}/{LOG}"
        assert slurm.read([ReadRequest(path, 0, 100)]).contents == {}
        assert slurm.observe([path]).files == {}


def test_what_is_ours_is_read_beside_it_and_what_is_gone_is_missing(slurm: Cluster, root: Path, outside: Path) -> None:
    odd = root / "jobs/job_1/1/a [b] $(id) *\n '損失' "
    odd.write_bytes(OWN)
    linked(outside / "stdout.log", root / LOG)
    wanted = [f"{root}/{LOG}", str(odd), f"{root}/jobs/job_2/gone", f"{root}/jobs/job_1/1/gone"]
    seen = slurm.observe(wanted)
    assert {path: stat.size_bytes for path, stat in seen.files.items()} == {str(odd): len(OWN)}
    assert seen.refused == {wanted[0]}
    looks = look_at_files(LocalTransport(), str(root), wanted)
    assert [look and (look.size_bytes, look.is_refused) for look in looks] == [
        (0, True), (len(OWN), False), None, None
    ]  # fmt: skip
    assert b"".join(send_files(LocalTransport(), str(root), [FileRange(str(odd), 2, 3)])) == OWN[2:5]


def test_more_files_than_descriptors_are_seen(slurm: Cluster, root: Path) -> None:
    paths = [root / f"jobs/job_{number}/1/stdout.log" for number in range(2, 1300)]
    for path in paths:
        path.parent.mkdir(parents=True)
        path.write_bytes(OWN)
    assert slurm.observe([str(path) for path in paths]).files.keys() == {str(path) for path in paths}


def test_the_root_may_be_reached_by_a_link(slurm: Cluster, root: Path, tmp_path: Path) -> None:
    (tmp_path / "scratch").symlink_to(root)
    path = f"{tmp_path}/scratch/{LOG}"
    found = make_cluster(tmp_path / "scratch")
    assert found.read([ReadRequest(path, 0, 100)]).contents == {path: OWN}
    assert found.observe([path]).files.keys() == {path}


def test_a_root_that_is_away_is_said_and_not_taken_for_missing_files(slurm: Cluster, root: Path) -> None:
    root.rename(root.with_name("away"))
    path = f"{root}/{LOG}"
    with pytest.raises(Unreachable, match="packtrain: No such file"):
        slurm.read([ReadRequest(path, 0, 100)])
    with pytest.raises(Unreachable, match="packtrain: No such file"):
        slurm.observe([path])
    assert slurm.remove([f"{root}/jobs/job_1/output/checkpoint-7"]) == []


@contextmanager
def swapping(steps: list[Callable[[], None]]) -> Iterator[None]:
    """Take these steps again and again, in a thread, while something else is done."""
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for step in steps:
                step()

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def put(made: Path, place: Path) -> Callable[[], None]:
    """A step that renames over a place what is made anew before: a link by its target, a file by its bytes."""
    spare = place.with_name(f"spare-{made.name}")

    def step() -> None:
        linked(made, spare) if made.is_absolute() else spare.write_bytes(OWN)
        spare.replace(place)

    return step


def test_a_file_swapped_while_it_is_read_gives_no_byte_from_outside(slurm: Cluster, root: Path, outside: Path) -> None:
    path = root / LOG
    seen = set()
    with swapping([put(outside / "stdout.log", path), put(Path("own"), path)]):
        for _ in range(20):
            answer = slurm.read([ReadRequest(str(path), 0, 100)] * 10)
            seen |= set(answer.contents.values())
            sizes = {stat.size_bytes for stat in slurm.observe([str(path)] * 10).files.values()}
            assert sizes <= {0, len(OWN)}
    assert seen <= {OWN, b""}


def test_a_folder_swapped_while_it_is_read_gives_no_byte_from_outside(
    slurm: Cluster, root: Path, outside: Path
) -> None:
    folder, aside = root / "jobs/job_1/1", root / "jobs/job_1/aside"

    def there_and_back() -> None:
        folder.rename(aside)
        folder.symlink_to(outside / "1")
        folder.unlink()
        aside.rename(folder)

    with swapping([there_and_back]):
        for _ in range(20):
            answer = slurm.read([ReadRequest(f"{root}/{LOG}", 0, 100)] * 10)
            assert set(answer.contents.values()) <= {OWN}


@pytest.mark.parametrize("spoil", LINKED)
@pytest.mark.parametrize(("place", "target"), [*LEVELS[:2], ("jobs/job_1/output", "")])
def test_nothing_is_removed_through_a_link(
    slurm: Cluster, root: Path, outside: Path, spoil: Spoil, place: str, target: str
) -> None:
    for folder in ("output", "job_1/output", "jobs/job_1/output"):
        shutil.copytree(outside / "checkpoint-7", outside / folder / "checkpoint-7")
    before = sorted(outside.rglob("*"))
    spoil(outside / target, root / place)
    path = f"{root}/jobs/job_1/output/checkpoint-7"
    assert slurm.remove([path]) == [path], "there is no such checkpoint of ours"
    assert sorted(outside.rglob("*")) == before


def test_of_a_link_only_itself_is_removed(slurm: Cluster, root: Path, outside: Path) -> None:
    output = root / "jobs/job_1/output"
    output.mkdir()
    linked(outside / "checkpoint-7", output / "checkpoint-7")
    (output / "checkpoint-8").mkdir()
    linked(outside / "checkpoint-7", output / "checkpoint-8/inside")
    paths = [f"{output}/checkpoint-7", f"{output}/checkpoint-8"]
    assert slurm.remove(paths) == paths
    assert list(output.iterdir()) == []
    assert (outside / "checkpoint-7/weights").read_bytes() == KEY


def test_nothing_is_removed_through_a_folder_that_is_swapped_meanwhile(
    slurm: Cluster, root: Path, outside: Path
) -> None:
    output, aside = root / "jobs/job_1/output", root / "jobs/job_1/aside"
    output.mkdir()

    def there_and_back() -> None:
        output.rename(aside)
        output.symlink_to(outside)
        output.unlink()
        aside.rename(output)

    with swapping([there_and_back]):
        for _ in range(10):
            slurm.remove([f"{output}/checkpoint-7"] * 20)
    assert (outside / "checkpoint-7/weights").read_bytes() == KEY


def submission(root: Path) -> Submission:
    files = {"job.sh": b"#!/bin/bash\nexit\n", "secrets/A_KEY": b"secret"}
    return Submission("token", "job_1-1", "comment", f"{root}/jobs/job_1/1", files)


@pytest.mark.parametrize("spoil", [*LINKED, made_a_folder, piped])
@pytest.mark.parametrize("place", ["jobs/job_1", "jobs/job_1/1", "jobs/job_1/1/secrets", "jobs/job_1/1/job.sh", LOG])
def test_an_attempt_is_unpacked_into_a_folder_of_its_own(
    slurm: Cluster, root: Path, outside: Path, spoil: Spoil, place: str
) -> None:
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    spoil(outside, root / place)
    [answer] = slurm.submit([submission(root)])
    assert answer.slurm_job_id == 7
    assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before
    assert sorted(str(path.relative_to(root)) for path in root.rglob("job_1/1/**/*")) == [
        "jobs/job_1/1/job.sh", "jobs/job_1/1/secrets", "jobs/job_1/1/secrets/A_KEY"
    ]  # fmt: skip


def test_an_output_that_is_a_link_is_none_of_the_next_attempt(slurm: Cluster, root: Path, outside: Path) -> None:
    linked(outside, root / "jobs/job_1/output")
    slurm.submit([submission(root)])
    assert not (root / "jobs/job_1/output").is_symlink()


@pytest.mark.parametrize("place", ["jobs/job_1", "jobs/job_1/1"])
@pytest.mark.parametrize("spoil", [*LINKED, piped])
def test_a_claim_is_made_in_our_own_folder(slurm: Cluster, root: Path, outside: Path, spoil: Spoil, place: str) -> None:
    spoil(outside, root / place)
    directory = root / "jobs/job_1/1"
    assert slurm.abandon([str(directory)]) == {str(directory): True}
    assert (directory / "claim").readlink() == Path("abandoned")
    assert directory.resolve() == root.resolve() / "jobs/job_1/1"
    assert [path.name for path in outside.rglob("claim")] == []


@pytest.mark.parametrize("place", ["jobs", "incoming", "datasets"])
def test_folders_that_are_links_are_said_to_the_operator(slurm: Cluster, root: Path, outside: Path, place: str) -> None:
    old = outside / "old upload"
    old.write_bytes(KEY)
    os.utime(old, (5, 5))
    linked(outside, root / place)
    with pytest.raises(RemoteFileError, match=f"{place} is a link"):
        slurm.prepare()
    if place == "jobs":
        with pytest.raises(RemoteFileError, match="jobs is a link"):
            slurm.submit([submission(root)])
    else:
        digest = sha256(OWN).hexdigest()
        with pytest.raises(RemoteFileError, match="not links"):
            slurm.stage(io.BytesIO(OWN), len(OWN), digest, f"{root}/datasets/x.json")
    assert old.read_bytes() == KEY
    assert (outside / "x.json").read_bytes() == KEY


def test_a_content_takes_the_place_of_a_link(slurm: Cluster, root: Path, outside: Path) -> None:
    """Whether the link or what it points to is as long as the content."""
    target = outside / "x.json"
    content, other = (letter * len(str(target)) for letter in (b"a", b"b"))
    target.write_bytes(other)
    linked(target, root / "datasets/x.json")
    slurm.stage(io.BytesIO(content), len(content), sha256(content).hexdigest(), f"{root}/datasets/x.json")
    assert not (root / "datasets/x.json").is_symlink()
    assert (root / "datasets/x.json").read_bytes() == content
    assert target.read_bytes() == other


def test_old_uploads_are_removed_and_not_through_links(slurm: Cluster, root: Path, outside: Path) -> None:
    (root / "incoming/old").mkdir()
    linked(outside, root / "incoming/old/way")
    for path in (root / "incoming/old/way", root / "incoming/old"):
        os.utime(path, (5, 5), follow_symlinks=False)
    slurm.prepare()
    slurm.prepare()
    assert (outside / "stdout.log").read_bytes() == KEY
