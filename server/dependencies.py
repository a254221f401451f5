"""FastAPI dependencies: session, user, settings, time."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session, sessionmaker

from server.clusters.files import ClusterFiles, PersonFiles
from server.clusters.slurm_trial import SlurmTrials
from server.clusters.views import ClusterViews
from server.clusters.worker_watch import WorkerWatch
from server.feed.cache import Feed
from server.file_checks import FileChecks
from server.http.access.token_gate import address_of, credential_of, principal_of
from server.http.bounds.shares import Places
from server.http.latency import RequestSeconds
from server.scopes import require_scope
from tuning.datasets.storage.store import ContentStore
from tuning.db.engine import transaction
from tuning.errors import NotFound
from tuning.notices.rules import NoticeRules, rules_of
from tuning.people.audit import Actor
from tuning.people.roles import Visibility
from tuning.people.tokens import Principal, authenticate
from tuning.secrets.cipher import Cipher
from tuning.settings import ClusterSettings, Settings

# A session holds a connection from its first query to its commit, and each step between wants a thread. Were more
# requests let in than the pool has connections, those waiting for one would fill the threads that its holders need.
MAX_SESSIONS = 12

API = "/api/v1"
_bearer = HTTPBearer(auto_error=False, description="A token as `POST /api/v1/tokens` shows it once.")
Made = TypeVar("Made")
JOB_ID = "job_[a-z0-9]{1,28}"
DATASET_ID = "ds_[a-z0-9]{1,28}"
_UPLOAD_ID = "upload_[a-z0-9]{1,25}"


# The trivial ones are `async`: FastAPI sends every `def` through a thread, which costs more than what they do.
async def get_settings(request: Request) -> Settings:
    """The settings that the app was made with."""
    return cast(Settings, request.app.state.settings)


def visible_to_members(settings: Settings) -> Visibility:
    """Jobs and data of others that members see on this server."""
    return Visibility(settings.visible_jobs)


async def get_clusters(request: Request) -> Mapping[str, ClusterSettings]:
    """The clusters of the settings file, by name."""
    return cast(Mapping[str, ClusterSettings], request.app.state.clusters)


async def get_views(request: Request) -> ClusterViews:
    """The clusters as they last described themselves."""
    return cast(ClusterViews, request.app.state.views)


async def get_now(request: Request) -> datetime:
    """Time of a request, the same in all its parts."""
    return cast(datetime, request.app.state.clock())


def get_session(request: Request) -> Iterator[Session]:
    """One request, one transaction. With scope="function" it is committed before the answer leaves.

    A route may commit earlier, when nothing but its answer is still to be made.
    """
    with cast(sessionmaker[Session], request.app.state.sessions)() as session:
        yield session
        session.commit()


async def get_feed(request: Request) -> Feed:
    """The feed, which answers polls and streams from memory."""
    return cast(Feed, request.app.state.feed)


async def get_sessions(request: Request) -> sessionmaker[Session]:
    """Sessions to open and end within a route: for those that wait for a cluster, which no session may be open for."""
    return cast(sessionmaker[Session], request.app.state.sessions)


def in_transaction(sessions: sessionmaker[Session], work: Callable[[Session], Made]) -> Made:
    """For routes that hold no session: one step, committed at its end."""
    with transaction(sessions) as session:
        return work(session)


async def get_cipher(request: Request) -> Cipher:
    """The cipher that encrypts secrets."""
    return cast(Cipher, request.app.state.cipher)


async def get_notice_rules(request: Request) -> NoticeRules:
    """The rules by which webhooks are taken."""
    state = request.app.state
    return rules_of(cast(Settings, state.settings), cast(Cipher, state.cipher))


async def get_uploading(request: Request) -> Places:
    """Places for uploads."""
    return cast(Places, request.app.state.uploading)


async def get_file_checks(request: Request) -> FileChecks:
    """Checks and previews of data files."""
    return cast(FileChecks, request.app.state.file_checks)


async def get_workers(request: Request) -> WorkerWatch:
    """The signs of life of the clusters' workers."""
    return cast(WorkerWatch, request.app.state.workers)


async def get_request_seconds(request: Request) -> RequestSeconds:
    """Durations of the requests since the start."""
    return cast(RequestSeconds, request.app.state.request_seconds)


async def get_trials(request: Request) -> SlurmTrials:
    """Questions to the clusters' Slurm."""
    return cast(SlurmTrials, request.app.state.trials)


SettingsDep = Annotated[Settings, Depends(get_settings)]
ClustersDep = Annotated[Mapping[str, ClusterSettings], Depends(get_clusters)]
ViewsDep = Annotated[ClusterViews, Depends(get_views)]
NowDep = Annotated[datetime, Depends(get_now)]
FeedDep = Annotated[Feed, Depends(get_feed)]
SessionsDep = Annotated[sessionmaker[Session], Depends(get_sessions)]
CipherDep = Annotated[Cipher, Depends(get_cipher)]
NoticeRulesDep = Annotated[NoticeRules, Depends(get_notice_rules)]
UploadingDep = Annotated[Places, Depends(get_uploading)]
FileChecksDep = Annotated[FileChecks, Depends(get_file_checks)]
WorkersDep = Annotated[WorkerWatch, Depends(get_workers)]
RequestSecondsDep = Annotated[RequestSeconds, Depends(get_request_seconds)]
TrialsDep = Annotated[SlurmTrials, Depends(get_trials)]
SessionDep = Annotated[Session, Depends(get_session, scope="function", max_concurrency=MAX_SESSIONS)]


BearerDep = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
"""Says in the OpenAPI document that a token is wanted; the token itself is the gate's to find."""


def current_user(request: Request, session: SessionDep, now: NowDep, _described: BearerDep) -> Principal:
    """Principal of the token or session that the gate has let through (server.http.access.token_gate).

    By the database: what was revoked a moment ago changes nothing any more. Raises NotAuthenticated, and NotAllowed
    where the token may not do this.
    """
    visible = visible_to_members(request.app.state.settings)
    return _permitted(request, authenticate(session, credential_of(request), now, visible))


def upload_user(request: Request, sessions: SessionsDep, now: NowDep, described: BearerDep) -> Principal:
    """The user of the request's token, in a transaction of its own, for routes that may take hours."""
    return in_transaction(sessions, lambda session: current_user(request, session, now, described))


async def feed_user(request: Request, _described: BearerDep) -> Principal:
    """The user of the request's token, from memory (server.http.access.token_gate), for routes that hold no session."""
    return _permitted(request, principal_of(request))


def _permitted(request: Request, principal: Principal) -> Principal:
    require_scope(principal, request.method, request.url.path.removeprefix(API))
    return principal


UploadUser = Annotated[Principal, Depends(upload_user)]
CurrentUser = Annotated[Principal, Depends(current_user)]
FeedUser = Annotated[Principal, Depends(feed_user)]


async def current_actor(request: Request, user: CurrentUser) -> Actor:
    """The user of the request's token, as the record of changes names them."""
    return Actor(user.name, user.token_id, address_of(request) or None)


ActorDep = Annotated[Actor, Depends(current_actor)]


@dataclass(frozen=True)
class Follower:
    """The user behind a stream or a waiting poll, and the places for these, of which each person has a few."""

    user: Principal
    places: Places

    def place(self) -> AbstractContextManager[None]:
        """A place until the block ends. Raises TooManyRequests."""
        return self.places.place(self.user.user_id)

    def held_until_closed(self) -> ExitStack:
        """A place until the stack is closed. Raises TooManyRequests."""
        return self.places.held_until_closed(self.user.user_id)


async def get_follower(request: Request, user: FeedUser) -> Follower:
    """The user of the request's token with the places, for routes that stream or wait."""
    return Follower(user, cast(Places, request.app.state.following))


@dataclass(frozen=True)
class Reading:
    """The user of a route that reads what jobs say, and sessions for it to open and end."""

    user: Principal
    sessions: sessionmaker[Session]


async def get_reading(sessions: SessionsDep, user: FeedUser) -> Reading:
    """For routes that hold no session while a cluster is asked."""
    return Reading(user, sessions)


async def get_cluster_files(request: Request, user: FeedUser) -> PersonFiles:
    """The bytes on the clusters, within the budget of who asks."""
    return cast(ClusterFiles, request.app.state.cluster_files).of(user.user_id)


FollowerDep = Annotated[Follower, Depends(get_follower)]
ReadingDep = Annotated[Reading, Depends(get_reading)]
ClusterFilesDep = Annotated[PersonFiles, Depends(get_cluster_files)]


async def well_formed_job_id(job_id: str) -> str:
    """A job's id from the path; what cannot be one (PostgreSQL takes no NUL) is not asked of the database."""
    if not re.fullmatch(JOB_ID, job_id):
        raise NotFound("there is no such job")
    return job_id


JobId = Annotated[str, Depends(well_formed_job_id)]


async def well_formed_dataset_id(dataset_id: str) -> str:
    """A data set's id from the path; what cannot be one is not asked of the database."""
    if not re.fullmatch(DATASET_ID, dataset_id):
        raise NotFound("there is no such data set")
    return dataset_id


async def well_formed_upload_id(upload_id: str) -> str:
    """An upload's id from the path; what cannot be one is not asked of the database."""
    if not re.fullmatch(_UPLOAD_ID, upload_id):
        raise NotFound("there is no such upload")
    return upload_id


async def get_store(settings: SettingsDep) -> ContentStore:
    """The contents on the server's disk."""
    return ContentStore(settings.data_dir / "datasets", settings.max_upload_bytes)


DatasetId = Annotated[str, Depends(well_formed_dataset_id)]
UploadId = Annotated[str, Depends(well_formed_upload_id)]
StoreDep = Annotated[ContentStore, Depends(get_store)]
