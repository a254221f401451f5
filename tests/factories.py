"""Rows and settings for tests: plain functions with defaults. What they make is flushed, not committed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from tuning.datasets.models import Dataset
from tuning.ids import new_id, new_secret
from tuning.jobs.models import Attempt, AttemptTexts, Job, JobDataset, JobTag
from tuning.jobs.status import JobStatus
from tuning.notices.models import Webhook, WebhookKind
from tuning.people.models import LAB_TEAM_ID, Membership, Team, Token, User
from tuning.people.roles import Role
from tuning.people.scopes import Scope, usual_scope
from tuning.people.tokens import token_sha256
from tuning.queue.limits.limit import LimitKind
from tuning.settings import ClusterSettings, PartitionDefaults
from tuning.usage.models import LimitRow

Row = TypeVar("Row")

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """Move the time on."""
        self.now += timedelta(seconds=seconds)


class Seconds:
    """A monotonic clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def make_user(session: Session, *, name: str = "ada", is_administrator: bool = False) -> User:
    """A user of the team `lab`."""
    role = Role.ADMINISTRATOR if is_administrator else Role.MEMBER
    user = _added(session, User(id=new_id("user"), name=name, role=role, default_team_id=LAB_TEAM_ID, created_at=NOON))
    _added(session, Membership(team_id=LAB_TEAM_ID, user_id=user.id, created_at=NOON))
    return user


def make_team(session: Session, name: str, *members: User, leads: tuple[User, ...] = (), shares: int = 1) -> Team:
    """A team of these members and leads, which becomes the usual one of each."""
    team = _added(session, Team(id=new_id("team"), name=name, shares=shares, created_at=NOON))
    for user in (*members, *leads):
        _added(session, Membership(team_id=team.id, user_id=user.id, is_lead=user in leads, created_at=NOON))
        user.default_team_id, user.version = team.id, (user.version or 1) + 1
    session.flush()
    return team


def make_token(
    session: Session,
    user: User,
    *,
    scope: Scope | None = None,
    revoked: bool = False,
    expires_at: datetime | None = None,
) -> str:
    """The text of a token of this user, of the usual scope unless told otherwise."""
    text = f"pt_{new_secret()}"
    token = Token(id=new_id("tok"), user_id=user.id, name="test", sha256=token_sha256(text), created_at=NOON)
    token.scope = scope or usual_scope(user.role)
    token.expires_at, token.revoked_at = expires_at, NOON if revoked else None
    _added(session, token)
    return text


def make_job(session: Session, owner: User, *, tags: dict[str, str] | None = None, **columns: Any) -> Job:
    """A job, queued unless told otherwise; `columns` are those of its row."""
    values: dict[str, Any] = {
        "id": new_id("job"),
        "name": "wmt ja-en",
        "kind": "train",
        "status": JobStatus.QUEUED,
        "owner_id": owner.id,
        "cluster": "lab",
        "config": {"model_name_or_path": "tiny-qwen2", "stage": "sft", "dataset": "identity"},
        "resources": {"cluster": "lab", "nodes": 1, "gpus_per_node": 1, "time_limit": "1-00:00:00"},
        "request_sha256": "0" * 64,
        "priority": 0,
        "version": 1,
        "attempt": 0,
        "created_at": NOON,
        "updated_at": NOON,
    }
    job = _added(session, Job(**{**values, **columns}))
    place = {"created_at": job.created_at, "priority": job.priority}
    session.add_all(JobTag(job_id=job.id, key=key, value=value, **place) for key, value in (tags or {}).items())
    session.flush()
    return job


def make_attempt(session: Session, job: Job, *, number: int = 1, **columns: Any) -> Attempt:
    """An attempt of a job."""
    values: dict[str, Any] = {"token": new_secret(), "created_at": NOON, "missing_polls": 0}
    return _added(session, Attempt(job_id=job.id, number=number, **{**values, **columns}))


def make_attempt_texts(session: Session, job: Job, script: str, config_yaml: str = "", *, number: int = 1) -> None:
    """Script and configuration of an attempt."""
    _added(session, AttemptTexts(job_id=job.id, attempt=number, script=script, config_yaml=config_yaml))


def make_dataset(session: Session, owner: User, *, job: Job | None = None, **columns: Any) -> Dataset:
    """The row of an uploaded data set (no file), used by `job` where one is given."""
    values: dict[str, Any] = {
        "id": new_id("ds"),
        "owner_id": owner.id,
        "name": "chats",
        "sha256": "a" * 64,
        "size_bytes": 1000,
        "extension": "json",
        "format": "alpaca",
        "entry": {"columns": {"prompt": "instruction", "query": "input", "response": "output"}},
        "report": {},
        "created_at": NOON,
    }
    dataset = _added(session, Dataset(**{**values, **columns}))
    if job is not None:
        _added(session, JobDataset(job_id=job.id, position=0, dataset_id=dataset.id))
    return dataset


def make_limit(session: Session, kind: LimitKind, amount: float, **place: str) -> LimitRow:
    """A limit of everybody together; `place` names a `user` or `team`, and cluster, partition and job_class."""
    subject_kind = next((name for name in ("user", "team") if name in place), "everybody")
    subject = place.pop(subject_kind, "")
    values = {"id": new_id("lim"), "subject_kind": subject_kind, "subject": subject, "created_at": NOON}
    return _added(session, LimitRow(kind=kind, amount=amount, **values, **place))


def make_webhook(session: Session, user: User, *, job: Job | None = None, **columns: Any) -> Webhook:
    """A webhook of a user, for all jobs or one, told of every event of jobs unless told otherwise; it signs nothing."""
    values: dict[str, Any] = {
        "id": new_id("wh"),
        "user_id": user.id,
        "job_id": job.id if job is not None else None,
        "kind": WebhookKind.STANDARD,
        "url": "https://hooks.example.org/packtrain",
        "events": ["job.*", "warning"],
        "failures": 0,
        "created_at": NOON,
    }
    return _added(session, Webhook(**{**values, **columns}))


def make_cluster_settings(**values: Any) -> ClusterSettings:
    """The settings of a cluster `lab`, as its operator would write them."""
    settings: dict[str, Any] = {
        "name": "lab",
        "host": "127.0.0.1",
        "user": "packtrain",
        "key_file": Path("/nowhere/key"),
        "known_hosts_file": Path("/nowhere/known_hosts"),
        "root": "/shared/packtrain",
        "image": "/shared/images/llamafactory.sif",
        "llamafactory_checkout": "/shared/LLaMA-Factory",
        "allowed_roots": ("/shared/models",),
        "models": {"tiny-qwen2": "/shared/models/tiny-qwen2"},
        "gpu_memory_gb": {"default": 80.0},
        "defaults": PartitionDefaults(partition="gpu"),
    }
    return ClusterSettings(**{**settings, **values})


def _added(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row
