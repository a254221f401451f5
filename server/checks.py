"""Data that lies on a cluster: its row and the job that looks at it are made together, which only the server knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from server.cluster_views import ClusterViews
from server.dependencies import ClustersDep, NowDep, SessionDep, ViewsDep
from tuning.datasets import on_cluster
from tuning.datasets.check.layouts.formats import Formatting, Purpose
from tuning.datasets.models import Dataset
from tuning.datasets.on_cluster import Whereabouts
from tuning.datasets.service import MAX_NAME_LENGTH, get
from tuning.datasets.status import DatasetStatus
from tuning.errors import Conflict, Finding, InvalidInput, NotAllowed
from tuning.jobs.actions.control import cancel_job
from tuning.jobs.actions.create import Asker
from tuning.jobs.attempt.check_plan import resolve_places
from tuning.jobs.data_check.create import SMALL, CheckSite, make_check
from tuning.jobs.models import Job
from tuning.jobs.request.spec import JobRequest, Resources, SlurmWord
from tuning.people.tokens import Principal
from tuning.settings import ClusterSettings

_LongestPath = Field(min_length=1, max_length=1000)


class ClusterDataset(BaseModel):
    """The JSON body of `POST /datasets`: a file that already lies on a cluster is looked at there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cluster_path: Annotated[str, _LongestPath] = Field(description="The file, under a folder that jobs may use.")
    cluster: SlurmWord | None = Field(default=None, description="By default the first of the server's clusters.")
    name: str | None = Field(
        default=None, min_length=1, max_length=MAX_NAME_LENGTH, description="By default the file's without its ending."
    )
    format: Formatting | None = Field(default=None, description="Refuse the file unless it has this form.")
    purpose: Purpose | None = Field(default=None, description="What it teaches, where its columns serve several.")
    tokenizer: Annotated[str, _LongestPath] | None = Field(
        default=None, description="A model, by its name in the catalogue or its path: lengths are told in tokens too."
    )


@dataclass(frozen=True)
class Checks:
    """What checks are made with."""

    session: Session
    clusters: Mapping[str, ClusterSettings]
    views: ClusterViews
    now: datetime

    def begin(self, wanted: ClusterDataset, user: Principal) -> Dataset:
        """A data set that is being checked. Raises InvalidInput."""
        cluster = self._cluster(wanted.cluster)
        named = wanted.model_dump(include={"cluster_path", "tokenizer", "format", "purpose"}, exclude_none=True)
        config = resolve_places(named, cluster)
        path = config["cluster_path"]
        name = wanted.name or PurePosixPath(path).stem or "data"
        where = Whereabouts(cluster.name, path)
        dataset = on_cluster.announce(self.session, name=name, owner_id=user.user_id, where=where, now=self.now)
        job, _ = self._make({"dataset": dataset.id, **config}, cluster, SMALL, Asker(user.user_id))
        dataset.check_job = job.id
        self.session.flush()
        return dataset

    def again(self, job: Job, changes: JobRequest, user: Principal, idempotency_key: str | None) -> tuple[Job, bool]:
        """A check in place of an ended one, and whether it is new. Raises NotAllowed, Conflict, InvalidInput."""
        asked = _resources_alone(changes)
        dataset_id = job.config["dataset"]
        if not user.may_change(get(self.session, dataset_id).owner_id):
            raise NotAllowed("only its owner or an administrator may have a data set checked")
        cluster = self.clusters.get(job.cluster)
        if cluster is None:
            raise Conflict(f"the cluster {job.cluster} is no longer in the settings")
        resources = Resources.model_validate({**job.resources, **asked})
        asker = Asker(user.user_id, idempotency_key, job.id)
        made, is_new = self._make(job.config, cluster, resources, asker)
        if is_new:
            on_cluster.check_again(self.session, dataset_id, made.id)
        return made, is_new

    def _make(
        self, config: Mapping[str, Any], cluster: ClusterSettings, resources: Resources, asker: Asker
    ) -> tuple[Job, bool]:
        site = CheckSite(cluster, self.views.view(self.session, cluster.name), resources)
        return make_check(self.session, config, site, asker, self.now)

    def _cluster(self, name: str | None) -> ClusterSettings:
        found = self.clusters.get(name) if name is not None else next(iter(self.clusters.values()), None)
        if found is None:
            message = f"there is no cluster {name}" if name is not None else "there is no cluster"
            known = ", ".join(sorted(self.clusters)) or "none yet: the server's clusters file is empty"
            raise InvalidInput([Finding(("cluster",), message, f"the clusters are: {known}")])
        return found


async def get_checks(session: SessionDep, clusters: ClustersDep, views: ViewsDep, now: NowDep) -> Checks:
    """For routes that make a check."""
    return Checks(session, clusters, views, now)


ChecksDep = Annotated[Checks, Depends(get_checks)]


def stop_check(session: Session, dataset_id: str, user: Principal, now: datetime) -> None:
    """Nobody wants to know any more. Raises NotFound; and Conflict when the check has ended at this moment."""
    dataset = get(session, dataset_id)
    if dataset.status is DatasetStatus.CHECKING and dataset.check_job and user.may_change(dataset.owner_id):
        cancel_job(session, dataset.check_job, user.name, now)


def _resources_alone(changes: JobRequest) -> dict[str, Any]:
    """What a retry asks of Slurm; everything else of a check is its data set's. Raises InvalidInput."""
    given = changes.model_dump(exclude_unset=True)
    asked: dict[str, Any] = given.pop("resources", {})
    asked = {name: value for name, value in asked.items() if value is not None}
    wrong = [*given, *([] if "cluster" not in asked else ["resources.cluster"])]
    if wrong:
        hint = "change resources (not the cluster), or add the file as another data set"
        raise InvalidInput([Finding((name,), f"{name} of a check cannot be changed", hint) for name in wrong])
    return asked
