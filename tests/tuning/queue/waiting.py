"""Waiting jobs, made up."""

from hypothesis import strategies as st

from tuning.queue.order import Standing
from tuning.queue.waiting_job import JobClass, Person, WaitingJob

PEOPLE = tuple(Person(team, name) for team in ("mt", "asr") for name in ("ana", "bo", "cy"))


def waiting_job(
    id_: str,
    *,
    person: Person = PEOPLE[0],
    gpus: int = 1,
    limit_seconds: float = 3600.0,
    queued_at: float = 0.0,
    job_class: JobClass = JobClass.NORMAL,
    priority: int = 0,
) -> WaitingJob:
    """A job that is like all others but for what is said."""
    return WaitingJob(id_, person, gpus, limit_seconds, queued_at, job_class, priority)


@st.composite
def job_lists(draw: st.DrawFn) -> list[WaitingJob]:
    """Up to 30 jobs of six people; ids are unique."""
    job = st.builds(
        WaitingJob,
        id=st.just(""),
        person=st.sampled_from(PEOPLE),
        gpus=st.integers(1, 16),
        limit_seconds=st.floats(0, 1e6),
        queued_at=st.floats(0, 2e6),
        job_class=st.sampled_from(JobClass),
        priority=st.integers(-3, 3),
    )
    jobs = draw(st.lists(job, min_size=1, max_size=30))
    return [
        WaitingJob(f"j{n}", j.person, j.gpus, j.limit_seconds, j.queued_at, j.job_class, j.priority)
        for n, j in enumerate(jobs)
    ]


standing_maps = st.dictionaries(
    st.sampled_from(PEOPLE),
    st.builds(Standing, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1e9), st.floats(0, 1e6)),
)
