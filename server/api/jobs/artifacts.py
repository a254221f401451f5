"""The files of a run: listed, their bytes streamed from the cluster."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from email.utils import format_datetime
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response

from server.clusters.files import RemoteFile, exactly, look_at, only_file
from server.clusters.output_files import output_files, readable_path
from server.clusters.transfer_response import TransferResponse
from server.dependencies import ClusterFilesDep, FeedUser, JobId, ReadingDep, SessionsDep
from server.http.byte_ranges import ByteRange, RangeNotSatisfiable, parse_range
from server.http.errors.problems import problem, responses
from server.http.tar_stream import Member, archive, archive_size
from server.schemas.files import Artifacts
from tuning.db.engine import transaction
from tuning.errors import NotFound
from tuning.jobs.layout import output_directory
from tuning.jobs.output.artifacts import artifacts_of
from tuning.jobs.queries.feed import job_place
from tuning.llamafactory.outcome.artifacts import describe
from tuning.ssh.checked_files import FileRange, send_files

router = APIRouter(tags=["results"])

_BESIDE_THE_MODEL = frozenset({"checkpoint", "log", "state", "plot", "results"})
_BINARY = "application/octet-stream"
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_ERRORS = responses(403, 404, 502, 503)
_FILE = {
    200: {"description": "The whole file.", "content": {_BINARY: _BYTES}},
    206: {"description": "The range that was asked for.", "content": {_BINARY: _BYTES}},
    **responses(416),
    **_ERRORS,
}
_TAR = {200: {"description": "A tar file (POSIX pax).", "content": {"application/x-tar": _BYTES}}, **_ERRORS}


@router.get("/jobs/{job_id}/artifacts", responses=responses(404))
def list_artifacts(
    job_id: JobId, sessions: SessionsDep, request: Request, cluster_files: ClusterFilesDep, user: FeedUser
) -> Artifacts:
    """The files of a job, checkpoints included. While it runs they are looked at on its cluster.

    The answer is some seconds old at most; where the cluster cannot be asked now, `listed_at` is null.
    """
    found = output_files(sessions, job_id, user, cluster_files)
    return Artifacts.of(found, request.url.path)


@router.head(
    "/jobs/{job_id}/artifacts/{path:path}",
    name="head_artifact",
    response_class=TransferResponse,
    status_code=200,
    responses=_FILE,
)
@router.get("/jobs/{job_id}/artifacts/{path:path}", response_class=TransferResponse, status_code=200, responses=_FILE)
def download_artifact(
    job_id: JobId,
    path: str,
    request: Request,
    reading: ReadingDep,
    cluster_files: ClusterFilesDep,
    byte_range: Annotated[str | None, Header(alias="Range", description="One range of bytes.")] = None,
    if_range: Annotated[str | None, Header(description="The range holds for the file with this ETag only.")] = None,
) -> Response:
    """One file, streamed from the cluster. `path` is exactly one of the listed ones; a running job's may still grow."""
    with transaction(reading.sessions) as session:
        place = job_place(session, job_id, reading.user)
        path, cluster = readable_path(session, place, path), place.cluster
    root = cluster_files.root(cluster)
    folder = output_directory(root, job_id)
    with ExitStack() as stack:
        transport = stack.enter_context(cluster_files.transfer(cluster))
        file = only_file(transport, root, folder, path)
        try:
            part = parse_range(byte_range if if_range in (None, file.etag) else None, file.size_bytes)
        except RangeNotSatisfiable:
            headers = {"Content-Range": f"bytes */{file.size_bytes}"}
            return problem(416, f"{path} has {file.size_bytes} bytes: none lies in that range", headers=headers)
        headers = _headers(path, file, part)
        if request.method == "HEAD":
            return Response(None, 206 if part else 200, headers)
        start, length = (part.start, part.length) if part else (0, file.size_bytes)
        chunks = exactly(send_files(transport, root, [FileRange(file.path, start, length)]), length)
        return TransferResponse(chunks, 206 if part else 200, headers, holds=stack, pace=cluster_files.pace)


@router.get("/jobs/{job_id}/archive", response_class=TransferResponse, status_code=200, responses=_TAR)
def download_archive(
    job_id: JobId, sessions: SessionsDep, cluster_files: ClusterFilesDep, user: FeedUser
) -> TransferResponse:
    """The final adapter or model as one tar stream: weights, configuration, tokenizer, no checkpoints."""
    with transaction(sessions) as session:
        cluster = job_place(session, job_id, user).cluster
        paths = [row.path for row in artifacts_of(session, job_id) if _is_of_the_model(row.path)]
    if not paths:
        raise NotFound(
            f"job {job_id} has left no model", hint="while a job runs, its checkpoints are among the artifacts"
        )
    root = cluster_files.root(cluster)
    folder = output_directory(root, job_id)
    with ExitStack() as stack:
        transport = stack.enter_context(cluster_files.transfer(cluster))
        members = _members(job_id, paths, look_at(transport, root, folder, paths))
        ranges = [FileRange(member.path, 0, member.size_bytes) for member in members]
        content = archive(members, send_files(transport, root, ranges))
        headers = {
            "Content-Length": str(archive_size(members)),
            "Content-Type": "application/x-tar",
            "Content-Disposition": f'attachment; filename="{job_id}.tar"',
        }
        return TransferResponse(content, 200, headers, holds=stack, pace=cluster_files.pace)


def _headers(path: str, file: RemoteFile, part: ByteRange | None) -> dict[str, str]:
    headers = {
        "Content-Length": str(part.length if part else file.size_bytes),
        "Content-Type": _BINARY,
        # a file of a run may be a web page: it is never shown as one from here
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(PurePosixPath(path).name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
        "ETag": file.etag,
        "Last-Modified": format_datetime(file.modified_at, usegmt=True),
    }
    return headers if part is None else {**headers, "Content-Range": part.content_range}


def _is_of_the_model(path: str) -> bool:
    return describe(path).kind not in _BESIDE_THE_MODEL


def _members(job_id: str, paths: Sequence[str], found: Mapping[str, RemoteFile]) -> list[Member]:
    gone = next((path for path in paths if path not in found), None)
    if gone is not None:
        raise NotFound(f"{gone} is no longer on the cluster", hint="somebody removed it there")
    return [
        Member(f"{job_id}/{path}", found[path].size_bytes, found[path].modified_at, found[path].path) for path in paths
    ]
