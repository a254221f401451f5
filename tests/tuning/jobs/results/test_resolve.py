"""Models by any of their names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOON, make_cluster_settings, make_job, make_team, make_user
from tuning.clusters.models import ModelAlias
from tuning.errors import NotFound
from tuning.jobs.models import Artifact, Job
from tuning.jobs.request.resources import UNKNOWN_CLUSTER, ClusterView
from tuning.jobs.results.resolve import ModelRef, resolve
from tuning.jobs.status import JobStatus
from tuning.models.grants import add_grant
from tuning.models.names import ResultName
from tuning.people.models import LAB_TEAM_ID, User
from tuning.people.queries import TeamOfUser
from tuning.people.roles import Visibility
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal
from tuning.settings import ClusterSettings


def clusters() -> dict[str, ClusterSettings]:
    """Two clusters, of which the second has a model of its own."""
    big = make_cluster_settings(name="big", models={"Qwen2.5-7B": "/scratch/Qwen2.5-7B"})
    return {"lab": make_cluster_settings(), "big": big}


@dataclass(frozen=True)
class Around:
    """Catalogues of clusters of which nothing else is known."""

    clusters: Mapping[str, ClusterSettings] = field(default_factory=clusters)
    view_of: Callable[[str], ClusterView] = lambda _name: UNKNOWN_CLUSTER


def reader_of(user: User, *teams: str, visible: Visibility = Visibility.TEAM) -> Principal:
    """A member of these teams, by their ids, who sees what their teams have."""
    of = tuple(TeamOfUser(team, team, is_lead=False) for team in teams or (LAB_TEAM_ID,))
    return Principal(user.id, user.name, "tok_1", Scope.SUBMIT, teams=of, visible=visible)


def trained(session: Session, owner: User, **columns: Any) -> Job:
    """A training with the checkpoint 5."""
    config = {"model_name_or_path": "/shared/models/tiny-qwen2", "template": "qwen"}
    job = make_job(session, owner, **{"status": JobStatus.SUCCEEDED, "finished_at": NOON, "config": config, **columns})
    session.add(Artifact(job_id=job.id, path="checkpoint-5/a", size_bytes=1, modified_at=NOON))
    session.flush()
    return job


def found(session: Session, name: str, reader: Principal) -> ModelRef | None:
    """The model that a name means; None where there is none."""
    try:
        return resolve(session, name, Around(), reader)
    except NotFound:
        return None


def test_models_of_catalogues_are_found_by_name_hub_id_and_alias(session: Session) -> None:
    reader = reader_of(make_user(session))
    alias = ModelAlias(cluster="lab", alias="Qwen/small", model="tiny-qwen2", updated_at=NOON)
    session.add_all([alias, ModelAlias(cluster="lab", alias="gone", model="taken-out", updated_at=NOON)])
    session.flush()
    tiny = resolve(session, "tiny-qwen2", Around(), reader)
    assert (tiny.name, tiny.cluster, tiny.path, tiny.job_id) == ("tiny-qwen2", "lab", "/shared/models/tiny-qwen2", None)
    assert (tiny.template, tiny.may_serve) == ("qwen", None)
    assert found(session, "Qwen/small", reader) == tiny
    big = resolve(session, "Qwen/Qwen2.5-7B", Around(), reader)
    assert (big.name, big.cluster) == ("Qwen2.5-7B", "big")
    assert found(session, "gone", reader) is None
    assert found(session, "absent", reader) is None
    assert found(session, "a\x00b", reader) is None


def test_a_result_is_found_by_its_name_and_by_an_alias(session: Session) -> None:
    ada = make_user(session)
    job, reader = trained(session, ada), reader_of(ada)
    name = f"ft:tiny-qwen2:lab:wmt-ja-en:{job.id.removeprefix('job_')}"
    ref = resolve(session, name, Around(), reader)
    assert (ref.name, ref.cluster, ref.path, ref.job_id, ref.checkpoint) == (name, "lab", None, job.id, None)
    assert ref.source is not None
    assert (ref.source.model, ref.source.adapter) == ("/shared/models/tiny-qwen2", f"jobs/{job.id}/output")
    assert (ref.template, ref.may_serve) == ("qwen", None)
    session.add(ModelAlias(cluster="lab", alias="mt-prod", model="", job_id=job.id, updated_at=NOON))
    job.name = "renamed"
    session.flush()
    renamed = replace(ref, name=name.replace("wmt-ja-en", "renamed"))
    assert found(session, name, reader) == found(session, "mt-prod", reader) == renamed


def test_a_checkpoint_is_found_while_it_is_there(session: Session) -> None:
    ada = make_user(session)
    job, reader = trained(session, ada, status=JobStatus.FAILED), reader_of(ada)
    name = f"ft::::{job.id.removeprefix('job_')}"
    ref = resolve(session, f"{name}:ckpt-step-5", Around(), reader)
    assert ref.name.endswith(":ckpt-step-5")
    assert (ref.checkpoint, ref.may_serve) == (5, None)
    gone = resolve(session, f"{name}:ckpt-step-6", Around(), reader)
    assert gone.may_serve == f"{job.id} has no checkpoint 6"
    assert resolve(session, name, Around(), reader).may_serve == f"{job.id} is failed: it left no final model"


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"status": JobStatus.RUNNING}, "is running: it has left no model yet"),
        ({"result": {"output_removed": True}}, "was removed from the cluster"),
        ({"config": {"stage": "rm", "model_name_or_path": "m"}}, "a reward model gives scores"),
    ],
)
def test_why_a_result_cannot_be_served_is_told(session: Session, columns: dict[str, Any], sentence: str) -> None:
    ada = make_user(session)
    job = trained(session, ada, **columns)
    ref = resolve(session, f"ft::::{job.id.removeprefix('job_')}", Around(), reader_of(ada))
    assert sentence in (ref.may_serve or "")


def test_what_leaves_no_model_is_no_model(session: Session) -> None:
    ada = make_user(session)
    job = make_job(session, ada, kind="predict", status=JobStatus.SUCCEEDED)
    assert found(session, f"ft::::{job.id.removeprefix('job_')}", reader_of(ada)) is None
    assert found(session, "ft::::absent", reader_of(ada)) is None


def test_results_of_others_are_found_by_whoever_may_see_or_was_granted_them(session: Session) -> None:
    ada, bob = make_user(session), make_user(session, name="bob")
    mt, asr = make_team(session, "mt", ada), make_team(session, "asr", bob)
    job = trained(session, ada, team_id=mt.id)
    name = f"ft::::{job.id.removeprefix('job_')}"
    stranger = reader_of(bob, asr.id)
    assert found(session, name, reader_of(bob, mt.id)) is not None
    assert found(session, name, reader_of(bob, asr.id, visible=Visibility.EVERYBODY)) is not None
    assert found(session, name, stranger) is None
    session.add(ModelAlias(cluster="lab", alias="mt-prod", model="", job_id=job.id, updated_at=NOON))
    session.flush()
    assert found(session, "mt-prod", stranger) is None
    add_grant(session, ResultName(job.id, 5), asr.id, NOON)
    assert found(session, f"{name}:ckpt-step-5", stranger) is not None
    assert found(session, name, stranger) is None
    add_grant(session, ResultName(job.id), asr.id, NOON)
    assert found(session, "mt-prod", stranger) is not None
