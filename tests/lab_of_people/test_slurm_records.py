"""Records of accounting, as Slurm 24.11 prints them."""

from tests.lab_of_people.slurm_records import SlurmRun, parse

RAN = (
    "19451|job_aatc2z623w5x6kpvma09-1-FaEw4-y7|COMPLETED|1796034450|1796034451|1796034455|"
    "billing=2,cpu=2,gres/gpu=2,mem=100M,node=1|gpu"
)
TAKEN_BACK = "19452|job_1tr8yp0855er7c3s6r0y-2-_QWZwh74|CANCELLED by 2000|1796034450|None|1796034453||gpu"
FOREIGN = "19453|interactive|RUNNING|1796034450|1796034451|Unknown|billing=2,cpu=2,node=1|gpu"


def test_a_run_has_its_times_and_gpus() -> None:
    (run,) = parse(RAN)
    assert run == SlurmRun(
        "job_aatc2z623w5x6kpvma09", 1, 19451, "COMPLETED", 1796034450.0, 1796034451.0, 1796034455.0, 2, "gpu"
    )
    assert run.held_gpus


def test_a_submission_that_was_taken_back_never_began() -> None:
    (run,) = parse(TAKEN_BACK)
    assert (run.job_id, run.attempt, run.state, run.started_at) == ("job_1tr8yp0855er7c3s6r0y", 2, "CANCELLED", None)
    assert not run.held_gpus


def test_other_people_s_jobs_are_left_out() -> None:
    assert [run.slurm_job_id for run in parse(f"{FOREIGN}\n{RAN}\n")] == [19451]
