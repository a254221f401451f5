"""Uploads in parts: begun or gone on with, looked at, cancelled."""

from fastapi import APIRouter

from server.dependencies import CurrentUser, NowDep, SessionDep, SettingsDep, StoreDep, UploadId
from server.http.errors.problems import responses
from server.schemas.upload import UploadInfo, UploadRequest
from server.uploads.intake import room_for
from tuning.datasets import part_uploads
from tuning.datasets.part_uploads import UploadRoom, own_upload, parts_of, pending_upload, remove_ended

router = APIRouter(prefix="/uploads", tags=["datasets"])


@router.post("", responses=responses(409, 507))
def begin_upload(
    request: UploadRequest, session: SessionDep, user: CurrentUser, settings: SettingsDep, store: StoreDep, now: NowDep
) -> UploadInfo:
    """Announce a file that is to come in parts of up to 64 MiB, within an hour of each other.

    Where an upload of the same `sha256` is under way, it is answered with the parts that have arrived: send the others.
    """
    remove_ended(session, store, now)
    wanted = part_uploads.UploadRequest(user.user_id, request.name, request.size_bytes, fingerprint=request.sha256)
    known = part_uploads.same_upload(session, wanted, now)
    if known is not None:
        upload = pending_upload(session, known.id, user.user_id, now)
    else:
        room = UploadRoom(store.max_bytes, room_for(session, user, settings, now))
        upload = part_uploads.begin_upload(session, wanted, room, now)
    return UploadInfo.of(upload, parts_of(session, upload.id), now)


@router.get("/{upload_id}", responses=responses(404))
def get_upload(upload_id: UploadId, session: SessionDep, user: CurrentUser, now: NowDep) -> UploadInfo:
    """An upload of one's own, with the parts that have arrived."""
    upload = own_upload(session, upload_id, user.user_id)
    return UploadInfo.of(upload, parts_of(session, upload_id), now)


@router.delete("/{upload_id}", status_code=204, responses=responses(404, 409))
def cancel_upload(upload_id: UploadId, session: SessionDep, user: CurrentUser, store: StoreDep, now: NowDep) -> None:
    """End an upload; its parts are removed."""
    part_uploads.cancel_upload(session, store, pending_upload(session, upload_id, user.user_id, now))
