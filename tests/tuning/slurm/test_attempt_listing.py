"""The listing of attempts' folders: whatever a root holds, what is told of it is ours."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.local_transport import LocalTransport
from tuning.errors import Unreachable
from tuning.slurm.attempt_listing import ListedAttempt, list_attempts, parse_listing


def found(root: Path) -> list[tuple[str, int, str, bool]]:
    listed = list_attempts(LocalTransport(banner=b"Welcome!\n"), str(root))
    return [(each.job_id, each.number, each.claim, each.written_epoch is not None) for each in listed]


def attempt(root: Path, job_id: str, number: int, claim: str | None = None) -> Path:
    folder = root / "jobs" / job_id / str(number)
    folder.mkdir(parents=True)
    (folder / "job.sh").touch()
    if claim is not None:
        (folder / "claim").symlink_to(claim)
    return folder


def test_attempts_are_listed_with_their_claims(tmp_path: Path) -> None:
    attempt(tmp_path, "job_a", 1, "4711")
    attempt(tmp_path, "job_a", 2, "abandoned")
    (tmp_path / "jobs/job_b/1").mkdir(parents=True)
    assert found(tmp_path) == [
        ("job_a", 1, "4711", True), ("job_a", 2, "abandoned", True), ("job_b", 1, "", False),
    ]  # fmt: skip


def test_what_a_run_can_make_is_not_looked_at(tmp_path: Path) -> None:
    folder = attempt(tmp_path, "job_a", 1)
    for place in (folder / "cache", folder.parent / "output", folder.parent / "output" / "2"):
        place.mkdir(exist_ok=True)
        (place / "job.sh").touch()
        (place / "claim").symlink_to("99")
    assert found(tmp_path) == [("job_a", 1, "", True)]


def test_links_and_strange_names_are_no_attempts(tmp_path: Path) -> None:
    attempt(tmp_path, "job_a", 1, "/etc/passwd")
    elsewhere = attempt(tmp_path / "elsewhere", "job_b", 1)
    (tmp_path / "jobs/job_link").symlink_to(elsewhere.parent)
    (tmp_path / "jobs/job_a/2").symlink_to(elsewhere)
    for name in ("job_A\nb", "other", "job_a b"):
        attempt(tmp_path, name, 1)
    assert found(tmp_path) == [("job_a", 1, "", True)]


def test_a_root_behind_a_link_is_followed_and_its_jobs_folder_is_not(tmp_path: Path) -> None:
    attempt(tmp_path / "disk", "job_a", 1)
    (tmp_path / "root").symlink_to(tmp_path / "disk")
    assert found(tmp_path / "root") == [("job_a", 1, "", True)]
    (tmp_path / "other").mkdir()
    (tmp_path / "other/jobs").symlink_to(tmp_path / "disk/jobs")
    assert found(tmp_path / "other") == []


def test_a_root_that_is_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="No such file"):
        found(tmp_path / "nowhere")


@given(st.binary(max_size=300) | st.lists(st.binary(max_size=40)).map(b"\0".join))
def test_no_bytes_break_it(content: bytes) -> None:
    assert all(isinstance(each, ListedAttempt) for each in parse_listing(content + b"\0"))
