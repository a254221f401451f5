"""The audit complains of what must never happen, and of nothing else."""

from dataclasses import replace

import pytest

from tests.chaos.audit import check_job, check_receipts
from tests.chaos.orders import Order, Receipt
from tests.chaos.witness import JobRow, SlurmJob

JOB = JobRow("job_a", "trial-1-0", "failed", "ended", 1, 7, '{"code": "container"}')
RAN = SlurmJob(7, "job_a-1-token", "FAILED", 66, True)
ORDER = Order("trial-1-0", "key", 0.0, asks_twice=False)


def test_a_job_that_ran_once_is_well() -> None:
    assert [*check_job(JOB, [RAN], {1: "7"})] == []


@pytest.mark.parametrize(
    "double", [SlurmJob(8, "job_a-2-token", "CANCELLED", 0, False), SlurmJob(8, "job_a-2-token", "FAILED", 75, True)]
)
def test_a_double_that_was_held_back_is_well(double: SlurmJob) -> None:
    assert [*check_job(JOB, [RAN, double], {1: "7", 2: "abandoned"})] == []


def test_a_job_that_ran_twice_is_told() -> None:
    double = replace(RAN, id=8, name="job_a-2-token")
    assert "ran 2 times" in next(check_job(JOB, [RAN, double], {1: "7", 2: "8"}))


def test_a_double_that_began_without_the_claim_is_told() -> None:
    double = replace(RAN, id=8)
    assert "had a double" in next(check_job(JOB, [RAN, double], {1: "7"}))


def test_a_job_that_slurm_never_had_is_told() -> None:
    assert "ran 0 times" in next(check_job(JOB, [], {}))


def test_another_number_in_the_database_is_told() -> None:
    assert "the database says 9" in next(check_job(replace(JOB, slurm_job_id=9), [RAN], {1: "7"}))


def test_another_end_is_told() -> None:
    assert "ended as cancelled" in next(check_job(replace(JOB, status="cancelled"), [RAN], {1: "7"}))


def test_an_accepted_order_has_one_row() -> None:
    receipt = Receipt(ORDER, frozenset({"job_a"}))
    assert [*check_receipts([receipt], [JOB])] == []
    assert "is lost" in next(check_receipts([receipt], []))
    assert "made 2 times" in next(check_receipts([receipt], [JOB, replace(JOB, id="job_b")]))


def test_an_order_without_an_answer_may_have_come_to_nothing() -> None:
    assert [*check_receipts([Receipt(ORDER, frozenset())], [])] == []
