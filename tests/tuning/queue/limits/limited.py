"""Limits and the jobs that they hold for, made up."""

from datetime import datetime

from hypothesis import strategies as st

from tuning.queue.limits.limit import EACH, Limit, LimitedJob, LimitKind, Place, SubjectKind

TEAMS = {"ana": "mt", "bo": "mt", "cy": "asr"}


def limit(
    kind: LimitKind,
    amount: float,
    *,
    user: str | None = None,
    team: str | None = None,
    cluster: str = "",
    partition: str = "",
    job_class: str = "",
) -> Limit:
    """A limit of this user or team, else of everybody together."""
    subject_kind, subject = SubjectKind.EVERYBODY, ""
    if user is not None:
        subject_kind, subject = SubjectKind.USER, user
    elif team is not None:
        subject_kind, subject = SubjectKind.TEAM, team
    name = "/".join((subject_kind, subject, kind, cluster, partition, job_class))
    return Limit(name, subject_kind, subject, kind, amount, cluster, partition, job_class)


def limited_job(
    id_: str,
    *,
    user: str = "ana",
    gpus: int = 1,
    cluster: str = "lab",
    partition: str = "gpu",
    job_class: str = "normal",
    hours: float = 1.0,
    ends: datetime | None = None,
    queued_at: datetime | None = None,
) -> LimitedJob:
    """A job of a member of `mt`, that is like all others but for what is said."""
    place = Place(user, TEAMS.get(user, "mt"), cluster, partition, job_class)
    return LimitedJob(id_, place, gpus, hours * 3600, ends, ends, queued_at)


_CLUSTERS, _PARTITIONS, _CLASSES = ("lab", "far"), ("gpu", "long", "gpu,long"), ("urgent", "normal")


@st.composite
def limit_lists(draw: st.DrawFn) -> list[Limit]:
    """Up to eight limits of what a job uses while it runs, with different narrowings."""
    subjects = st.sampled_from(
        [
            {"user": "ana"},
            {"user": "bo"},
            {"user": EACH},
            {"team": "mt"},
            {"team": EACH},
            {},
        ]
    )
    kinds = st.sampled_from([LimitKind.RUNNING_JOBS, LimitKind.GPUS, LimitKind.GPU_HOURS, LimitKind.TIME_LIMIT])
    found: dict[str, Limit] = {}
    for _ in range(draw(st.integers(0, 8))):
        narrowed = {
            "cluster": draw(st.sampled_from(["", *_CLUSTERS])),
            "partition": draw(st.sampled_from(["", "gpu"])),
            "job_class": draw(st.sampled_from(["", *_CLASSES])),
        }
        kind, amount = draw(kinds), draw(st.integers(0, 12))
        made = limit(kind, amount * (3600 if kind is LimitKind.TIME_LIMIT else 1), **draw(subjects), **narrowed)
        found[made.id] = made
    return list(found.values())


@st.composite
def job_lists(draw: st.DrawFn, prefix: str) -> list[LimitedJob]:
    """Up to 20 jobs of three people in two teams."""
    job = st.builds(
        limited_job,
        st.just(""),
        user=st.sampled_from(sorted(TEAMS)),
        gpus=st.integers(0, 8),
        cluster=st.sampled_from(_CLUSTERS),
        partition=st.sampled_from(_PARTITIONS),
        job_class=st.sampled_from(_CLASSES),
        hours=st.integers(1, 8).map(float),
    )
    jobs = draw(st.lists(job, max_size=20))
    return [LimitedJob(f"{prefix}{n}", j.place, j.gpus, j.limit_seconds) for n, j in enumerate(jobs)]
