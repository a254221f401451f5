"""A small real HTTP server that speaks the API's contract from what a test puts into it."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, cast

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

from tests.packtrain.stub_webhooks import add_webhooks, delivery_json

TOKEN = "pt_secret-of-the-tests"
JOB_ID = "job_0123456789abcdefghjk"
VALIDATION: dict[str, Any] = {
    "errors": [], "warnings": [], "notes": [], "script": None, "config_yaml": None, "estimates": None
}  # fmt: skip


def progress_json(**changes: Any) -> dict[str, Any]:
    """A job's progress as the API sends it, of a queued job unless changed."""
    names = (
        "current_steps total_steps percentage epoch loss eval_loss learning_rate tokens_per_second elapsed_seconds "
        "eta_seconds eta_low_seconds eta_high_seconds expected_end_at expected_start_at queue_position stalled_since "
        "observed_at"
    )
    base = {"job_id": JOB_ID, "status": "queued", "version": 1, "updated_at": "2026-11-21T12:00:00Z"}
    return {**base, **dict.fromkeys(names.split()), **changes}


def job_json(**changes: Any) -> dict[str, Any]:
    """A job as the API sends it, queued unless changed."""
    progress = progress_json(**changes.pop("progress", {}))
    base = {
        "id": JOB_ID, "object": "job", "name": "wmt ja-en", "kind": "train", "recipe": None, "source_job": None,
        "depends_on": [], "status": progress["status"], "status_reason": None,
        "owner": "alice", "created_at": "2026-11-21T12:00:00Z", "submitted_at": None, "started_at": None,
        "finished_at": None, "cluster": "lab", "slurm_job_id": None, "slurm_state": None, "slurm_reason": None,
        "attempt": 1, "attempts": [], "resources": {"gpus_per_node": 1}, "config": {}, "datasets": [], "tags": {},
        "priority": 0, "queue_position": None, "progress": progress, "failure": None, "result": None, "record": None,
        "retry_of": None,
        "cancel_requested_at": None, "hold_requested_at": None, "unreachable_since": None, "links": {},
    }  # fmt: skip
    return {**base, **changes}


@dataclass
class Stub:
    """Answers of the server, and the requests that it got."""

    url: str = ""
    versions: list[dict[str, Any]] = field(default_factory=lambda: [job_json()])
    """The job at each look; the last one stays."""
    listed: list[dict[str, Any]] = field(default_factory=list)
    """The jobs of lists; where there are none, the job as it is now."""
    last_event: dict[str, Any] = field(default_factory=dict)
    """How a job's second and last event is other than that it is queued."""
    by_id: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The jobs that are not the job as it is now."""
    created: dict[str, Any] = field(default_factory=dict)
    """The data of a job's first event."""
    files: dict[str, bytes] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    """What a job's path ends in: script, config, metrics.csv."""
    series: dict[str, Any] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    later: str = ""
    """What a log gets after its tail was asked for."""
    stream_ends: list[list[str]] = field(default_factory=lambda: [["event: end\ndata: {}\n\n"]])
    """How each opening of a log's stream ends: with the end, or with nothing as when a server goes down."""
    validation: dict[str, Any] = field(default_factory=lambda: {"valid": True, **VALIDATION})
    checked: dict[str, Any] = field(default_factory=dict)
    """How a data set that lies on a cluster differs from an upload."""
    webhook: dict[str, Any] = field(default_factory=dict)
    """How the webhook differs from a new one."""
    deliveries: list[dict[str, Any]] = field(default_factory=lambda: [delivery_json()])
    """The webhook's delivery at each look; the last one stays."""
    refusals: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """Answered first, one each, whatever is asked."""
    refused_paths: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    """What is always answered when something is posted there."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    uploads: list[tuple[str, str, bytes]] = field(default_factory=list)

    def current(self) -> dict[str, Any]:
        """The job as it is now."""
        return self.versions[0]

    def advance(self) -> dict[str, Any]:
        """The job as it is a little later."""
        if len(self.versions) > 1:
            self.versions.pop(0)
        return self.versions[0]


@contextmanager
def serving(stub: Stub) -> Iterator[Stub]:
    """The stub on a socket of its own, until the end of the block; one at a time."""
    _AT_PRESENT.stub = stub
    with serving_app(_app(), lifespan="off") as url:
        stub.url = url
        yield stub


@contextmanager
def serving_app(app: FastAPI, *, lifespan: Literal["on", "off"] = "on") -> Iterator[str]:
    """An app on a socket of its own, until the end of the block; its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan=lifespan, ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


class _StubAtPresent:
    """The stub of the test that runs: the app's routes look here."""

    stub: Stub

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stub, name)


_AT_PRESENT = _StubAtPresent()


@cache
def _app() -> FastAPI:
    """The app; every route is of the contract. Made once for all tests: that takes longer than most of them."""
    app, stub = FastAPI(), cast(Stub, _AT_PRESENT)

    @app.middleware("http")
    async def look(request: Request, call_next: Any) -> Response:
        query = request.url.query
        stub.requests.append((request.method, request.scope["raw_path"].decode() + (f"?{query}" if query else "")))
        stub.headers.append(dict(request.headers))
        if stub.refusals:
            status, problem = stub.refusals.pop(0)
            return JSONResponse({"status": status, **problem}, status, media_type="application/problem+json")
        if request.method == "POST" and request.url.path in stub.refused_paths:
            status, problem = stub.refused_paths[request.url.path]
            return JSONResponse({"status": status, **problem}, status, media_type="application/problem+json")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            problem = {"title": "Unauthorized", "status": 401, "detail": "this token is unknown, expired or revoked"}
            return JSONResponse(problem, 401, media_type="application/problem+json")
        answer: Response = await call_next(request)
        return answer

    _add_jobs(app, stub)
    _add_files(app, stub)
    _add_texts_and_changes(app, stub)
    _add_datasets(app, stub)
    _add_preview(app)
    _add_clusters(app)
    add_webhooks(app, stub)
    return app


def _add_jobs(app: FastAPI, stub: Stub) -> None:
    @app.post("/api/v1/jobs", status_code=201)
    async def submit(request: Request) -> Any:
        stub.bodies.append(await request.json())
        return stub.current()

    @app.post("/api/v1/jobs/validate")
    async def validate(request: Request) -> Any:
        stub.bodies.append(await request.json())
        return stub.validation

    @app.get("/api/v1/jobs")
    async def jobs(limit: int, after: str | None = None) -> Any:
        start = int(after.removeprefix("c")) if after else 0
        more = start + limit < len(stub.listed)
        found = stub.listed[start : start + limit] if stub.listed else [stub.current()]
        return {"data": found, "has_more": more, "next": f"c{start + limit}" if more else None}

    @app.get("/api/v1/jobs/{job_id}")
    async def job(job_id: str) -> Any:
        return stub.by_id.get(job_id, stub.current())

    @app.post("/api/v1/jobs/{job_id}/{action}")
    async def act(job_id: str, action: str, request: Request) -> Any:
        if await request.body():
            stub.bodies.append(await request.json())
        return stub.current()

    @app.get("/api/v1/jobs/{job_id}/progress")
    async def progress(job_id: str, since: int | None = None) -> Any:
        return (stub.current() if since is None else stub.advance())["progress"]

    @app.get("/api/v1/jobs/{job_id}/events")
    async def events(job_id: str, after: str | None = None) -> Any:
        event = {
            "id": 1,
            "job_id": job_id,
            "at": "2026-11-21T12:00:00Z",
            "type": "job.created",
            "message": "made",
            "data": stub.created,
        }
        if after is None:
            return {"data": [event], "has_more": True, "next": "1"}
        last = {**event, "id": 2, "type": "job.queued", "message": "", "data": {}, **stub.last_event}
        return {"data": [last], "has_more": False, "next": None}


def _add_texts_and_changes(app: FastAPI, stub: Stub) -> None:
    @app.get("/api/v1/me")
    async def me() -> Any:
        scopes = ["read", "submit"]
        return {"id": "user_1", "name": "alice", "is_administrator": False, "token_id": "tok_1", "scopes": scopes}

    @app.patch("/api/v1/jobs/{job_id}")
    async def change(job_id: str, request: Request) -> Any:
        stub.bodies.append(await request.json())
        return {**stub.current(), **stub.bodies[-1]}

    @app.delete("/api/v1/jobs/{job_id}", status_code=204, response_model=None)
    async def delete(job_id: str) -> Any:
        return Response(status_code=204)

    @app.get("/api/v1/jobs/{job_id}/metrics")
    async def metrics(job_id: str) -> Any:
        return {"job_id": job_id, "series": stub.series}

    async def text(job_id: str, request: Request) -> Any:
        return PlainTextResponse(stub.texts[request.url.path.rpartition("/")[2]])

    for name in ("script", "config", "metrics.csv"):
        app.get(f"/api/v1/jobs/{{job_id}}/{name}")(text)


def _add_files(app: FastAPI, stub: Stub) -> None:
    @app.get("/api/v1/jobs/{job_id}/logs")
    async def logs(job_id: str, stream: str, tail: int) -> Any:
        kept = stub.logs[stream].encode()
        last = b"".join(kept.splitlines(keepends=True)[-tail:])
        return PlainTextResponse(last, headers={"X-Packtrain-Next-Offset": str(len(kept))})

    @app.get("/api/v1/jobs/{job_id}/logs/stream")
    async def follow(job_id: str, stream: str, offset: int, request: Request) -> Any:
        place = int(request.headers.get("last-event-id", f"1:{offset}").partition(":")[2])
        text = (stub.logs[stream] + stub.later).encode()[place:].decode()
        frames = (
            [f"id: 1:{place + len(text.encode())}\nevent: log\ndata: {json.dumps({'text': text})}\n\n"] if text else []
        )
        return StreamingResponse(
            iter([": hello\n\n", *frames, *stub.stream_ends.pop(0)]), media_type="text/event-stream"
        )

    @app.get("/api/v1/jobs/{job_id}/artifacts")
    async def artifacts(job_id: str) -> Any:
        time_of_all = "2026-11-21T12:00:00Z"
        data = [
            {"path": path, "size_bytes": len(body), "modified_at": time_of_all} for path, body in stub.files.items()
        ]
        return {"data": data, "total_bytes": sum(map(len, stub.files.values()))}

    @app.get("/api/v1/jobs/{job_id}/artifacts/{path:path}")
    async def artifact(job_id: str, path: str, request: Request) -> Any:
        body, asked = stub.files[path], request.headers.get("range")
        if asked is None:
            return Response(body)
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
        return Response(body[start:], 206, headers)

    @app.get("/api/v1/jobs/{job_id}/archive")
    async def archive(job_id: str) -> Any:
        return StreamingResponse(iter([b"tar ", b"bytes"]), media_type="application/x-tar")


def _add_datasets(app: FastAPI, stub: Stub) -> None:
    one = {
        "id": "ds_1", "object": "dataset", "name": "chats", "owner": "alice", "format": "alpaca", "purpose": "sft",
        "rows": 3, "kept": 2, "dropped": 1, "size_bytes": 12, "sha256": "ab" * 32, "created_at": "2026-11-21T12:00:00Z",
        "status": "ready", "made_from": None, "cluster": None, "cluster_path": None, "check_job": None,
        "findings": None,
    }  # fmt: skip

    @app.post("/api/v1/datasets", status_code=201)
    async def add(request: Request) -> Any:
        if request.headers["content-type"] == "application/json":
            stub.bodies.append(await request.json())
            return {**one, **stub.checked, "status": "checking"}
        async with request.form() as form:
            file = form["file"]
            assert not isinstance(file, str)
            stub.uploads.append((str(form.get("name")), str(file.filename), await file.read()))
        return {**one, "id": f"ds_{len(stub.uploads)}"}

    @app.get("/api/v1/datasets")
    async def datasets() -> Any:
        return {"data": [one], "has_more": False, "next": None}

    @app.get("/api/v1/datasets/{dataset_id}")
    async def dataset(dataset_id: str) -> Any:
        return {**one, **stub.checked}

    @app.get("/api/v1/datasets/{dataset_id}/report")
    async def report(dataset_id: str, cutoff_len: int | None = None) -> Any:
        problem = {
            "reason": "empty", "outcome": "dropped", "message": "no answer", "hint": "fill output", "rows": 1,
            "places": [{"row": 2, "line": 5, "detail": "output is empty"}],
        }  # fmt: skip
        shares = [{"script": "Latin", "share": 0.75}, {"script": "Han", "share": 0.25}]
        cut = {"cutoff_len": cutoff_len, "unit": "characters", "rows_at_least": 1, "rows_at_most": 2}
        return {
            "rows": 3, "kept": 2, "dropped": 1, "problems": [problem], "unused_columns": ["note"],
            "repeats": {"repeated": 1, "compared": 2, "one_in": 1}, "scripts": {"rows": 2, "shares": shares},
            "truncation": cut if cutoff_len else None,
        }  # fmt: skip

    @app.delete("/api/v1/datasets/{dataset_id}", status_code=204, response_model=None)
    async def delete(dataset_id: str) -> Any:
        return Response(status_code=204)


def _add_preview(app: FastAPI) -> None:
    @app.get("/api/v1/datasets/{dataset_id}/preview")
    async def preview(dataset_id: str, template: str | None = None) -> Any:
        pieces = [
            {"text": "<user>\n\x1b[31m犬\n", "trained": False, "read": True},
            {"text": "dog", "trained": True, "read": True},
            {"text": "<end>", "trained": True, "read": False},
        ]
        shown = {"row": 1, "line": 2, "value": {"output": "dog"}, "pieces": pieces if template else None}
        left_out = {"row": 2, "line": 3, "value": {"output": None}, "pieces": None, "problem": "left out"}
        rows = [{**shown, "problem": None}, *([left_out] if template else [])]
        return {"format": "alpaca", "template": template, "rows": rows}


def _add_clusters(app: FastAPI) -> None:
    gpus = {"free": 3, "total": 8}
    partition = {"name": "gpu", "is_default": True, "state": "up", "max_time_seconds": 86400, "nodes": 2, "gpus": gpus}
    cluster = {
        "name": "lab", "reachable": False, "reached_at": "2026-11-21T12:00:00Z", "slurm_version": "24.11.5",
        "unreachable_since": "2026-11-21T12:30:00Z", "unreachable_reason": "no route to host", "nodes": [],
        "gpus": gpus,
        "partitions": [partition, {**partition, "name": "long", "is_default": False, "max_time_seconds": None}],
        "models": ["tiny-llama", "tiny-phi3"], "datasets": None, "jobs": {"running": 2, "queued": 1}, "pending": 1,
        "commands": {}, "trouble_count": 1, "troubles": [{
            "job_id": "job_7h3k", "subject": None, "step": "watch", "error": "ValueError", "failures": 3,
            "since": "2026-11-21T12:00:00Z", "next_try_at": "2026-11-21T12:40:00Z",
        }],
    }  # fmt: skip

    @app.get("/api/v1/clusters")
    async def clusters() -> Any:
        never = {"reachable": None, "reached_at": None, "unreachable_since": None, "unreachable_reason": None}
        return {"data": [cluster, {**cluster, "name": "new", **never}], "has_more": False, "next": None}

    @app.get("/api/v1/clusters/{name}")
    async def one(name: str) -> Any:
        return cluster
