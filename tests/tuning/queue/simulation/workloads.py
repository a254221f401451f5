"""Workloads, made up."""

from hypothesis import strategies as st

from tuning.queue.simulation.trace import Trace, TraceJob
from tuning.queue.waiting_job import Person

PEOPLE = tuple(Person(team, name) for team in ("mt", "asr") for name in ("ana", "bo", "cy"))
GPUS = 8


@st.composite
def workloads(draw: st.DrawFn) -> Trace:
    """Up to 40 jobs of six people on eight GPUs, now and then days apart."""
    count = draw(st.integers(2, 40))
    now = 0.0
    jobs = []
    for number in range(count):
        now += draw(st.sampled_from((0, 1, 40, 600, 90_000))) if number else 0
        run = draw(st.integers(1, 20_000))
        limit = run * draw(st.sampled_from((1, 2, 5)))
        jobs.append(TraceJob(draw(st.sampled_from(PEOPLE)), now, draw(st.integers(1, GPUS)), run, limit))
    if now == 0:
        jobs[-1] = TraceJob(jobs[-1].person, 1.0, 1, 5, 5)
    return Trace(jobs, GPUS)
