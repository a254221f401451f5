"""Operations on jobs and what they left, as calls. Pure."""

import uuid
from collections.abc import Mapping

from packtrain.operations.query import given_query, page_query
from packtrain.schema import (
    Artifacts,
    Checkpoints,
    EventPage,
    Job,
    JobChange,
    JobFields,
    JobPage,
    Metrics,
    Progress,
    RetryFields,
    Validation,
)
from packtrain.transport.call import READ_SECONDS, STREAM_READ_SECONDS, Call, Query, path_of

_AS_IS = {"Accept-Encoding": "identity"}
_EVENTS = {**_AS_IS, "Accept": "text/event-stream"}
_PAGE = 500


def submit(fields: JobFields) -> Call[Job]:
    return Call("POST", "jobs", body=fields, idempotency_key=uuid.uuid4().hex)


def validate(fields: JobFields) -> Call[Validation]:
    return Call("POST", "jobs/validate", body=fields)


def job(job_id: str) -> Call[Job]:
    return Call("GET", path_of("jobs", job_id))


def jobs(limit: int, after: str | None, filters: Mapping[str, str | list[str]]) -> Call[JobPage]:
    return Call("GET", "jobs", page_query(limit, after, filters))


def change(job_id: str, changes: JobChange) -> Call[Job]:
    return Call("PATCH", path_of("jobs", job_id), body=changes)


def delete_job(job_id: str) -> Call[None]:
    return Call("DELETE", path_of("jobs", job_id))


def cancel(job_id: str, *, save: bool) -> Call[Job]:
    return Call("POST", path_of("jobs", job_id, "cancel"), body={"save": save})


def hold(job_id: str) -> Call[Job]:
    return Call("POST", path_of("jobs", job_id, "hold"))


def release(job_id: str) -> Call[Job]:
    return Call("POST", path_of("jobs", job_id, "release"))


def retry(job_id: str, changes: RetryFields) -> Call[Job]:
    return _copied(job_id, "retry", changes)


def clone(job_id: str, changes: JobFields) -> Call[Job]:
    return _copied(job_id, "clone", changes)


def script(job_id: str, attempt: int | None) -> Call[str]:
    return Call("GET", path_of("jobs", job_id, "script"), given_query(attempt=attempt))


def config(job_id: str, attempt: int | None) -> Call[str]:
    return Call("GET", path_of("jobs", job_id, "config"), given_query(attempt=attempt))


def progress(job_id: str, since: int | None, wait_seconds: int) -> Call[Progress]:
    query: Query = {} if since is None else {"since": since, "wait": wait_seconds}
    return Call("GET", path_of("jobs", job_id, "progress"), query, read_seconds=wait_seconds + READ_SECONDS / 2)


def events(job_id: str, after: str | None) -> Call[EventPage]:
    return Call("GET", path_of("jobs", job_id, "events"), page_query(_PAGE, after, {}))


def event_stream(job_id: str | None, after: int | None, last_id: str | None) -> Call[bytes]:
    path = "events/stream" if job_id is None else path_of("jobs", job_id, "events", "stream")
    headers = {**_EVENTS, **({"Last-Event-ID": last_id} if last_id else {})}
    return Call("GET", path, given_query(after=after), headers=headers, read_seconds=STREAM_READ_SECONDS)


def metrics(job_id: str, points: int | None) -> Call[Metrics]:
    return Call("GET", path_of("jobs", job_id, "metrics"), given_query(points=points))


def metrics_csv(job_id: str) -> Call[str]:
    return Call("GET", path_of("jobs", job_id, "metrics.csv"))


def logs(job_id: str, stream: str, tail: int, attempt: int | None) -> Call[bytes]:
    query: Query = {"stream": stream, "tail": tail, **given_query(attempt=attempt)}
    return Call("GET", path_of("jobs", job_id, "logs"), query, headers=_AS_IS)


def log_stream(job_id: str, stream: str, offset: int, last_id: str | None) -> Call[bytes]:
    path = path_of("jobs", job_id, "logs", "stream")
    query: Query = {"stream": stream, "offset": offset}
    headers = {**_EVENTS, **({"Last-Event-ID": last_id} if last_id else {})}
    return Call("GET", path, query, headers=headers, read_seconds=STREAM_READ_SECONDS)


def artifacts(job_id: str) -> Call[Artifacts]:
    return Call("GET", path_of("jobs", job_id, "artifacts"))


def artifact(job_id: str, path: str, offset: int) -> Call[bytes]:
    headers = {**_AS_IS, **({"Range": f"bytes={offset}-"} if offset else {})}
    path = path_of("jobs", job_id, "artifacts", *path.split("/"))
    return Call("GET", path, headers=headers, read_seconds=STREAM_READ_SECONDS)


def archive(job_id: str) -> Call[bytes]:
    return Call("GET", path_of("jobs", job_id, "archive"), headers=_AS_IS, read_seconds=STREAM_READ_SECONDS)


def checkpoints(job_id: str) -> Call[Checkpoints]:
    return Call("GET", path_of("jobs", job_id, "checkpoints"))


def remove_checkpoint(job_id: str, step: int) -> Call[None]:
    return Call("DELETE", path_of("jobs", job_id, "checkpoints", str(step)))


def _copied(job_id: str, action: str, changes: JobFields | RetryFields) -> Call[Job]:
    return Call("POST", path_of("jobs", job_id, action), body=changes or None, idempotency_key=uuid.uuid4().hex)
