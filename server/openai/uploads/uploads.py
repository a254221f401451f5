"""Uploads in parts: begun and cancelled."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from fastapi import APIRouter

from server.dependencies import CurrentUser, NowDep, SessionDep, SettingsDep, StoreDep
from server.openai.files.creation import check_purpose, file_name_of
from server.openai.ids import upload_id_read
from server.openai.uploads.schema import UploadBody, UploadObject
from server.uploads.intake import room_for
from tuning.datasets import part_uploads
from tuning.datasets.part_uploads import UploadRequest, UploadRoom, begin_upload, pending_upload, remove_ended
from tuning.errors import InvalidInput

router = APIRouter()

_NAMES: Mapping[tuple[str | int, ...], tuple[str | int, ...]] = {("size_bytes",): ("bytes",), ("name",): ("filename",)}


@router.post("/uploads")
def create_upload(
    body: UploadBody, session: SessionDep, user: CurrentUser, settings: SettingsDep, store: StoreDep, now: NowDep
) -> UploadObject:
    """Announce a file that is to come in parts, within an hour of each other."""
    check_purpose(body.purpose)
    remove_ended(session, store, now)
    keeps_seconds = body.expires_after.seconds if body.expires_after is not None else None
    room = UploadRoom(store.max_bytes, room_for(session, user, settings, now))
    wanted = UploadRequest(user.user_id, file_name_of(body.filename), body.bytes, keeps_seconds=keeps_seconds)
    with _own_names():
        return UploadObject.of(begin_upload(session, wanted, room, now), now)


@router.post("/uploads/{upload_id}/cancel")
def cancel_upload(upload_id: str, session: SessionDep, user: CurrentUser, store: StoreDep, now: NowDep) -> UploadObject:
    """End an upload; its parts are removed."""
    upload = pending_upload(session, upload_id_read(upload_id), user.user_id, now)
    part_uploads.cancel_upload(session, store, upload)
    return UploadObject.of(upload, now)


@contextmanager
def _own_names() -> Iterator[None]:
    """Findings name fields as OpenAI's requests do."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(
            [replace(finding, loc=_NAMES.get(finding.loc, finding.loc)) for finding in error.findings]
        ) from error
