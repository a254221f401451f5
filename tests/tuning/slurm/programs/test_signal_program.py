"""The program that signals jobs, run in a real shell: it ends our own alone."""

from pathlib import Path

import pytest

from tests.local_transport import LocalTransport
from tests.tuning.slurm.login_node import cluster
from tuning.errors import (
    SlurmUnavailable,
)


def test_only_a_job_with_this_number_and_this_name_is_ended(root: Path, queue: Path) -> None:
    slurm = cluster(root, LocalTransport())
    slurm.cancel([(7, "job_a-1-0"), (8, "job_b-1-0"), (10, "job_c-1-0"), (15, "job_d-1-0")])
    assert queue.read_text() == "7\n"
    slurm.cancel([(8, "job_b-1-0")])
    assert queue.read_text() == "7\n", "nothing is signalled when there is nobody"


def test_a_renamed_job_is_ended_by_its_comment(root: Path, queue: Path) -> None:
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
