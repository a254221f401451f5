"""Webhooks of the stub server: one webhook, and one delivery that changes from look to look."""

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response

if TYPE_CHECKING:
    from tests.packtrain.stub_server import Stub


def webhook_json(**changes: Any) -> dict[str, Any]:
    """A webhook as the API sends it, new unless changed."""
    base = {
        "id": "wh_1", "kind": "standard", "url": "https://hooks.example.org/x", "events": ["job.failed"],
        "user": "alice", "team": None, "job_id": None, "created_at": "2026-11-21T12:00:00Z", "disabled": False,
        "disabled_at": None, "disabled_reason": None, "failing_since": None,
    }  # fmt: skip
    return {**base, **changes}


def delivery_json(**changes: Any) -> dict[str, Any]:
    """A delivery as the API sends it, waiting for its first try unless changed."""
    base = {
        "id": "msg_1", "event": "webhook.test", "job_id": None, "status": "waiting", "attempts": 0,
        "created_at": "2026-11-21T12:00:00Z", "next_try_at": "2026-11-21T12:00:00Z", "last_attempt_at": None,
        "last_status": None, "last_error": None, "delivered_at": None,
    }  # fmt: skip
    return {**base, **changes}


def add_webhooks(app: FastAPI, stub: "Stub") -> None:
    """Its routes."""

    def page(rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {"data": rows, "has_more": False, "next": None}

    @app.post("/api/v1/webhooks", status_code=201)
    async def add(request: Request) -> Any:
        stub.bodies.append(await request.json())
        return {**webhook_json(), "secret": "whsec_x", **stub.webhook}

    @app.get("/api/v1/webhooks")
    async def webhooks() -> Any:
        return page([webhook_json(**stub.webhook)])

    @app.patch("/api/v1/webhooks/{webhook_id}")
    async def change(webhook_id: str, request: Request) -> Any:
        stub.bodies.append(await request.json())
        return webhook_json(**stub.webhook)

    @app.delete("/api/v1/webhooks/{webhook_id}", status_code=204)
    async def forget(webhook_id: str) -> Response:
        return Response(status_code=204)

    @app.post("/api/v1/webhooks/{webhook_id}/rotate-secret")
    async def rotate(webhook_id: str) -> Any:
        return {**webhook_json(), "secret": "whsec_y"}

    @app.post("/api/v1/webhooks/{webhook_id}/test", status_code=202)
    @app.post("/api/v1/webhooks/{webhook_id}/deliveries/msg_1/resend", status_code=202)
    async def send(webhook_id: str) -> Any:
        return stub.deliveries[0]

    @app.get("/api/v1/webhooks/{webhook_id}/deliveries")
    async def deliveries(webhook_id: str) -> Any:
        if len(stub.deliveries) > 1:
            stub.deliveries.pop(0)
        return page([stub.deliveries[0]])
