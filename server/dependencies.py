"""What a route is given: the session, who asks, the settings, the time."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session, sessionmaker

from server.admission import Admission
from server.cluster_files import ClusterFiles
from server.cluster_views import ClusterViews
from server.feed import Feed
from server.scopes import require_scope
from tuning.accounts.service import Principal, authenticate, token_sha256
from tuning.errors import NotAuthenticated, NotFound
from tuning.secrets.cipher import Cipher
from tuning.settings import ClusterSettings, Settings

# A session holds a connection from its first query to its commit, and each step between wants a thread. Were more
# requests let in than the pool has connections, those waiting for one would fill the threads that its holders need.
MAX_SESSIONS = 12

API = "/api/v1"
_bearer = HTTPBearer(auto_error=False, description="A token as `POST /api/v1/tokens` shows it once.")
_HOW_TO_SEND = "send the header `Authorization: Bearer <token>`"
JOB_ID = "job_[a-z0-9]{1,28}"


# The trivial ones are `async`: FastAPI sends every `def` through a thread, which costs more than what they do.
async def get_settings(request: Request) -> Settings:
    """The settings that the app was made with."""
    return cast(Settings, request.app.state.settings)


async def get_clusters(request: Request) -> Mapping[str, ClusterSettings]:
    """The clusters of the settings file, by name."""
    return cast(Mapping[str, ClusterSettings], request.app.state.clusters)


async def get_views(request: Request) -> ClusterViews:
    """The clusters as they last described themselves."""
    return cast(ClusterViews, request.app.state.views)


async def get_now(request: Request) -> datetime:
    """The one time of a request."""
    return cast(datetime, request.app.state.clock())


def get_session(request: Request) -> Iterator[Session]:
    """One request, one transaction. With scope="function" it is committed before the answer leaves.

    A route may commit earlier, when nothing but its answer is still to be made.
    """
    with cast(sessionmaker[Session], request.app.state.sessions)() as session:
        yield session
        session.commit()


async def get_feed(request: Request) -> Feed:
    """What is polled and streamed, from memory."""
    return cast(Feed, request.app.state.feed)


async def get_sessions(request: Request) -> sessionmaker[Session]:
    """Sessions to open and end within a route: for those that wait for a cluster, which no session may be open for."""
    return cast(sessionmaker[Session], request.app.state.sessions)


async def get_cipher(request: Request) -> Cipher:
    """What secrets are encrypted with."""
    return cast(Cipher, request.app.state.cipher)


async def get_cluster_files(request: Request) -> ClusterFiles:
    """The bytes on the clusters."""
    return cast(ClusterFiles, request.app.state.cluster_files)


SettingsDep = Annotated[Settings, Depends(get_settings)]
ClustersDep = Annotated[Mapping[str, ClusterSettings], Depends(get_clusters)]
ViewsDep = Annotated[ClusterViews, Depends(get_views)]
NowDep = Annotated[datetime, Depends(get_now)]
FeedDep = Annotated[Feed, Depends(get_feed)]
SessionsDep = Annotated[sessionmaker[Session], Depends(get_sessions)]
CipherDep = Annotated[Cipher, Depends(get_cipher)]
ClusterFilesDep = Annotated[ClusterFiles, Depends(get_cluster_files)]
SessionDep = Annotated[Session, Depends(get_session, scope="function", max_concurrency=MAX_SESSIONS)]


CredentialsDep = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def current_user(request: Request, session: SessionDep, now: NowDep, credentials: CredentialsDep) -> Principal:
    """Whose token the request carries.

    Raises NotAuthenticated, TooManyRequests, and NotAllowed where the token may not do this.
    """
    with _admitted(request, credentials) as text:
        principal = authenticate(session, text, now)
    return _permitted(request, principal)


async def feed_user(request: Request, feed: FeedDep, credentials: CredentialsDep) -> Principal:
    """The same from memory, for routes that hold no session."""
    with _admitted(request, credentials) as text:
        principal = await feed.principal(text)
    return _permitted(request, principal)


@contextmanager
def _admitted(request: Request, credentials: HTTPAuthorizationCredentials | None) -> Iterator[str]:
    """The text of a token, to be looked up in the block if it may be."""
    if credentials is None:
        raise NotAuthenticated("this needs a token", hint=_HOW_TO_SEND)
    admission = cast(Admission, request.app.state.admission)
    sha256, address = token_sha256(credentials.credentials), request.client.host if request.client else ""
    admission.admit(sha256, address)
    try:
        yield credentials.credentials
    except NotAuthenticated:
        admission.refused(sha256, address)
        raise
    admission.found(sha256)


def _permitted(request: Request, principal: Principal) -> Principal:
    require_scope(principal, request.method, request.url.path.removeprefix(API))
    return principal


CurrentUser = Annotated[Principal, Depends(current_user)]
FeedUser = Annotated[Principal, Depends(feed_user)]


async def well_formed_job_id(job_id: str) -> str:
    """A job's id from the path; what cannot be one (PostgreSQL takes no NUL) is not asked of the database."""
    if not re.fullmatch(JOB_ID, job_id):
        raise NotFound("there is no such job")
    return job_id


JobId = Annotated[str, Depends(well_formed_job_id)]
