"""Line of waiting jobs: places as the order has them, and those of jobs that were not there yet."""

from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.queue.waiting import PEOPLE, job_lists, standing_maps, waiting_job
from tuning.queue.line import Line
from tuning.queue.order import Standing, Weights, ordered
from tuning.queue.waiting_job import JobClass, Person, WaitingJob

NEVER_OVERDUE = Weights(overdue_seconds=1e18, soonest_overdue_seconds=1e18)


def line(*jobs: WaitingJob) -> Line:
    return Line(jobs, {}, 8, 1000.0, NEVER_OVERDUE)


def test_places_count_from_one_and_strangers_have_none() -> None:
    its = line(waiting_job("a"), waiting_job("b", queued_at=5.0))
    assert [its.place(job_id) for job_id in ("a", "b", "c")] == [1, 2, None]


def test_new_jobs_come_behind_and_count_for_each_other() -> None:
    its = line(waiting_job("a", queued_at=900.0))
    new = [waiting_job(job_id, queued_at=1000.0) for job_id in ("b", "c")]
    assert [its.place_of_another(job) for job in new] == [2, 2]
    assert [its.add(job) for job in new] == [2, 3]
    assert its.add(new[0]) == 2
    assert its.place("c") == 3


def test_a_class_comes_before_the_next() -> None:
    its = line(waiting_job("a"), waiting_job("b"))
    assert its.place_of_another(waiting_job("c", queued_at=999.0, job_class=JobClass.URGENT)) == 1
    assert its.place_of_another(waiting_job("d", job_class=JobClass.SCAVENGER)) == 3


def test_own_jobs_of_lower_priority_give_way_and_nobody_elses() -> None:
    other = waiting_job("other", person=PEOPLE[1])
    its = line(other, waiting_job("a"), waiting_job("b", queued_at=1.0))
    assert its.place_of_another(waiting_job("c", queued_at=1000.0, priority=1)) == 2


def test_own_jobs_of_another_class_do_not_give_way() -> None:
    its = line(waiting_job("a"), waiting_job("b"))
    assert its.place_of_another(waiting_job("c", queued_at=1000.0, priority=1, job_class=JobClass.URGENT)) == 1


@given(job_lists(), standing_maps, st.data())
def test_a_further_job_has_about_the_place_that_the_order_gives(
    jobs: list[WaitingJob], standings: dict[Person, Standing], data: st.DataObject
) -> None:
    """Exactly, where its person's other jobs do not tell how long they waited."""
    alone = Person("new", "person")
    job = data.draw(st.sampled_from(jobs))._replace(id="new", person=alone)
    its = Line(jobs, standings, 8, 2e6, NEVER_OVERDUE)
    place = its.place_of_another(job)
    exact = ordered([*jobs, job], standings, 8, 2e6, NEVER_OVERDUE)
    assert place == exact.index(job) + 1
