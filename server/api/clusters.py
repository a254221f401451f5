"""The clusters: what they have, and how they were when last seen."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from server.answers.clusters import shown_clusters
from server.api.pages import Fields, Page, with_fields
from server.dependencies import ClustersDep, CurrentUser, NowDep, SessionDep, WorkersDep
from server.http.errors.problems import responses
from server.schemas.cluster import ClusterJson
from tuning.errors import NotFound

router = APIRouter(prefix="/clusters", tags=["clusters"])
MOST_TROUBLES = 20


@router.get("", response_model=Page[ClusterJson])
def list_clusters(
    session: SessionDep,
    clusters: ClustersDep,
    workers: WorkersDep,
    now: NowDep,
    user: CurrentUser,
    fields: Fields = None,
) -> Page[ClusterJson] | Response:
    """Every cluster of the server's settings."""
    rows = shown_clusters(session, list(clusters.values()), workers, now, user)
    return with_fields(Page[ClusterJson](data=rows, has_more=False, next=None), ClusterJson, fields)


@router.get("/{name}", responses=responses(404))
def show_cluster(
    name: Annotated[str, Path(max_length=100)],
    session: SessionDep,
    clusters: ClustersDep,
    workers: WorkersDep,
    now: NowDep,
    user: CurrentUser,
) -> ClusterJson:
    """One cluster."""
    if name not in clusters:
        raise NotFound(f"there is no cluster {name}", hint=f"the clusters are: {', '.join(sorted(clusters))}")
    return shown_clusters(session, [clusters[name]], workers, now, user)[0]
