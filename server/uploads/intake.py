"""One upload of a person, from the first byte to its row: room on the disk, the form, the check, the limits."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from python_multipart.multipart import parse_options_header
from sqlalchemy.orm import Session, sessionmaker
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from server.dependencies import NowDep, StoreDep, UploadUser, in_transaction
from server.file_checks import FileChecks
from server.http.routing import has_body
from server.uploads.form import FormFields, Sink, UploadForm
from tuning.datasets import service
from tuning.datasets.bounded_check import BoundedCheck
from tuning.datasets.service import Quota
from tuning.datasets.storage.disk_errors import ContentTooLarge
from tuning.datasets.storage.store import ContentStore, Incoming
from tuning.datasets.unused_contents import collect_unused
from tuning.errors import Finding, InvalidInput
from tuning.jobs.actions.dataset_limits import dataset_room, require_within_limits
from tuning.jobs.queries.use.dataset_use import IN_USE
from tuning.people.tokens import Principal
from tuning.settings import Settings

Made = TypeVar("Made")
_CLOSE = {"Connection": "close"}
"""Of a refusal before the end of a body: what is left of it is not read."""


def form_boundary(request: Request, otherwise: str) -> bytes | None:
    """Boundary of a multipart form; None where nothing is sent. Raises HTTPException, with the sentence `otherwise`."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == b"multipart/form-data":
        return options.get(b"boundary")
    if has_body(request.scope):
        raise HTTPException(415, otherwise, _CLOSE)
    return None


def room_for(session: Session, user: Principal, settings: Settings, now: datetime) -> int:
    """Bytes that may come in, by the quota of each person and by limits. Raises Conflict, StorageFull."""
    quota = Quota(settings.datasets_per_person, settings.kept_bytes_per_person)
    room_bytes = service.room_for(session, user.user_id, quota, IN_USE)
    return int(min(room_bytes, dataset_room(session, user, now)))


@dataclass(frozen=True)
class Intake:
    """An upload's request, person and moment, with what it goes through. It holds no session while bytes arrive."""

    request: Request
    store: ContentStore
    user: Principal
    now: datetime

    def until_stop(self) -> AbstractContextManager[None]:
        """A block that is cut off when the server stops. Raises Unavailable then."""
        return self._checks.until_stop()

    async def room_bytes(self) -> int:
        """Bytes that may come in, once what nobody needs has gone. Raises Conflict, StorageFull."""
        await self.in_transaction(partial(collect_unused, store=self.store, in_use=IN_USE, now=self.now))
        return await self.in_transaction(self._room)

    async def begin(self) -> Incoming:
        """A content on its way in, for which there is room. Raises Conflict, StorageFull."""
        return await run_in_threadpool(self.store.receive, await self.room_bytes())

    async def receive(self, boundary: bytes | None, sink: Sink, fields: FormFields) -> UploadForm:
        """The form, once its file is in the sink. Raises InvalidInput; HTTPException when it grows beyond the limit."""
        form = UploadForm(boundary, sink, fields)
        try:
            async for chunk in self.request.stream():
                await run_in_threadpool(form.feed, chunk)
        except ContentTooLarge as error:
            raise HTTPException(413, str(error), _CLOSE) from error
        except ClientDisconnect as error:
            broke_off = Finding((fields.file,), "the upload broke off; nothing was kept", "send it again")
            raise InvalidInput([broke_off]) from error
        form.finish()
        return form

    async def check(self, file_name: str, work: Callable[[BoundedCheck], Made]) -> Made:
        """Result of a check, in turn with others. Raises Unavailable, and what the check raises."""
        return await self._checks.run(self.request, self._checks.checking, (self.user.user_id, file_name), work)

    async def record(self, make: Callable[[Session], Made]) -> Made:
        """Result of what writes the row, in one transaction. Raises Conflict, StorageFull."""
        return await self.in_transaction(partial(self._recorded, make=make))

    async def in_transaction(self, work: Callable[[Session], Made]) -> Made:
        """Result of one step, committed at its end, on a thread."""
        sessions: sessionmaker[Session] = self.request.app.state.sessions
        return await run_in_threadpool(in_transaction, sessions, work)

    @property
    def _checks(self) -> FileChecks:
        checks: FileChecks = self.request.app.state.file_checks
        return checks

    def _room(self, session: Session) -> int:
        return room_for(session, self.user, self.request.app.state.settings, self.now)

    def _recorded(self, session: Session, make: Callable[[Session], Made]) -> Made:
        self._room(session)  # others of the same person may have come in meanwhile
        made = make(session)
        require_within_limits(session, self.user, self.now)
        return made


async def get_intake(request: Request, store: StoreDep, user: UploadUser, now: NowDep) -> Intake:
    """For routes that take files; they hold no session."""
    return Intake(request, store, user, now)


IntakeDep = Annotated[Intake, Depends(get_intake)]
