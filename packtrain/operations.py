"""Every operation of the API as a call: what `Packtrain` and `AsyncPacktrain` send. Pure.

Named as the clients' methods. Ids and names from a caller stay one part of the path whatever they hold.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from packtrain.schema import (
    Artifacts,
    AuditEntryPage,
    Checkpoints,
    Cluster,
    ClusterPage,
    Dataset,
    DatasetPage,
    DatasetReport,
    Delivery,
    DeliveryPage,
    EventPage,
    Job,
    JobChange,
    JobFields,
    JobPage,
    Limit,
    LimitPage,
    LimitRequest,
    Me,
    MemberRequest,
    Metrics,
    ModelAliasRequest,
    ModelPage,
    NewToken,
    NewWebhook,
    Preview,
    Progress,
    QueueEntry,
    QueueEntryPage,
    Recipe,
    RecipePage,
    RetryFields,
    SecretPage,
    Team,
    TeamRequest,
    TeamSummaryPage,
    TokenPage,
    TokenRequest,
    UsageReport,
    User,
    UserChange,
    UserPage,
    UserRequest,
    Validation,
    Webhook,
    WebhookChange,
    WebhookKind,
    WebhookPage,
)
from packtrain.transport.call import (
    READ_SECONDS,
    STREAM_READ_SECONDS,
    UPLOAD_READ_SECONDS,
    Call,
    Query,
    Upload,
    path_of,
)

_AS_IS = {"Accept-Encoding": "identity"}
_EVENTS = {**_AS_IS, "Accept": "text/event-stream"}
_PAGE = 500


def me() -> Call[Me]:
    return Call("GET", "me")


def submit(fields: JobFields) -> Call[Job]:
    return Call("POST", "jobs", body=fields, idempotency_key=uuid.uuid4().hex)


def validate(fields: JobFields) -> Call[Validation]:
    return Call("POST", "jobs/validate", body=fields)


def job(job_id: str) -> Call[Job]:
    return Call("GET", path_of("jobs", job_id))


def jobs(limit: int, after: str | None, filters: Mapping[str, str | list[str]]) -> Call[JobPage]:
    return Call("GET", "jobs", _page(limit, after, filters))


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
    return Call("GET", path_of("jobs", job_id, "script"), _given(attempt=attempt))


def config(job_id: str, attempt: int | None) -> Call[str]:
    return Call("GET", path_of("jobs", job_id, "config"), _given(attempt=attempt))


def progress(job_id: str, since: int | None, wait_seconds: int) -> Call[Progress]:
    query: Query = {} if since is None else {"since": since, "wait": wait_seconds}
    return Call("GET", path_of("jobs", job_id, "progress"), query, read_seconds=wait_seconds + READ_SECONDS / 2)


def events(job_id: str, after: str | None) -> Call[EventPage]:
    return Call("GET", path_of("jobs", job_id, "events"), _page(_PAGE, after, {}))


def event_stream(job_id: str | None, after: int | None, last_id: str | None) -> Call[bytes]:
    path = "events/stream" if job_id is None else path_of("jobs", job_id, "events", "stream")
    headers = {**_EVENTS, **({"Last-Event-ID": last_id} if last_id else {})}
    return Call("GET", path, _given(after=after), headers=headers, read_seconds=STREAM_READ_SECONDS)


def metrics(job_id: str, points: int | None) -> Call[Metrics]:
    return Call("GET", path_of("jobs", job_id, "metrics"), _given(points=points))


def metrics_csv(job_id: str) -> Call[str]:
    return Call("GET", path_of("jobs", job_id, "metrics.csv"))


def logs(job_id: str, stream: str, tail: int, attempt: int | None) -> Call[bytes]:
    query: Query = {"stream": stream, "tail": tail, **_given(attempt=attempt)}
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


def upload_dataset(
    name: str, purpose: str | None, entry: Mapping[str, Any] | None, file: tuple[str, Any]
) -> Call[Dataset]:
    """`file`: its name, and what httpx reads it from."""
    given = {"purpose": purpose, "entry": json.dumps(entry) if entry is not None else None}
    fields = {"name": name, **{key: value for key, value in given.items() if value is not None}}
    upload = Upload(fields, {"file": file})
    return Call("POST", "datasets", upload=upload, read_seconds=UPLOAD_READ_SECONDS)


def add_dataset(cluster_path: str, **given: Any) -> Call[Dataset]:
    named = {key: value for key, value in given.items() if value is not None}
    return Call("POST", "datasets", body={"cluster_path": cluster_path, **named})


def datasets(limit: int, after: str | None) -> Call[DatasetPage]:
    return Call("GET", "datasets", _page(limit, after, {}))


def dataset(dataset_id: str) -> Call[Dataset]:
    return Call("GET", path_of("datasets", dataset_id))


def dataset_report(dataset_id: str, cutoff_len: int | None) -> Call[DatasetReport]:
    return Call("GET", path_of("datasets", dataset_id, "report"), _given(cutoff_len=cutoff_len))


def dataset_preview(dataset_id: str, template: str | None, count: int, training: Mapping[str, bool]) -> Call[Preview]:
    query: dict[str, str | int | list[str]] = {"count": count}
    query |= {name: json.dumps(value) for name, value in training.items()}
    query |= {"template": template} if template is not None else {}
    return Call("GET", path_of("datasets", dataset_id, "preview"), query)


def delete_dataset(dataset_id: str) -> Call[None]:
    return Call("DELETE", path_of("datasets", dataset_id))


def recipes() -> Call[RecipePage]:
    return Call("GET", "recipes")


def recipe(name: str) -> Call[Recipe]:
    return Call("GET", path_of("recipes", name))


def secrets() -> Call[SecretPage]:
    return Call("GET", "secrets")


def keep_secret(name: str, value: str) -> Call[None]:
    return Call("PUT", path_of("secrets", name), body={"value": value})


def delete_secret(name: str) -> Call[None]:
    return Call("DELETE", path_of("secrets", name))


def clusters() -> Call[ClusterPage]:
    return Call("GET", "clusters")


def cluster(name: str) -> Call[Cluster]:
    return Call("GET", path_of("clusters", name))


def queue(limit: int, after: str | None, cluster: str | None) -> Call[QueueEntryPage]:
    return Call("GET", "queue", _page(limit, after, {} if cluster is None else {"cluster": cluster}))


def queue_entry(job_id: str) -> Call[QueueEntry]:
    return Call("GET", path_of("jobs", job_id, "queue"))


def models() -> Call[ModelPage]:
    return Call("GET", "models")


def set_model_alias(alias: str, model: str, cluster: str | None) -> Call[ModelAliasRequest]:
    named = {"cluster": cluster} if cluster is not None else {}
    return Call("PUT", "models/aliases", body={"alias": alias, "model": model, **named})


def remove_model_alias(alias: str, cluster: str | None) -> Call[None]:
    return Call("DELETE", "models/aliases", _given(alias=alias, cluster=cluster))


def limits(limit: int, after: str | None) -> Call[LimitPage]:
    return Call("GET", "limits", _page(limit, after, {}))


def set_limit(limit: LimitRequest) -> Call[Limit]:
    return Call("PUT", "limits", body=limit)


def remove_limit(limit_id: str) -> Call[None]:
    return Call("DELETE", path_of("limits", limit_id))


def usage(by: str, first: str | None, last: str | None) -> Call[UsageReport]:
    return Call("GET", "usage", _period(by, first, last))


def usage_csv(by: str, first: str | None, last: str | None) -> Call[str]:
    return Call("GET", "usage.csv", _period(by, first, last))


def create_token(fields: TokenRequest) -> Call[NewToken]:
    return Call("POST", "tokens", body={name: value for name, value in fields.items() if value is not None})


def tokens(limit: int, after: str | None) -> Call[TokenPage]:
    return Call("GET", "tokens", _page(limit, after, {}))


def revoke_token(token_id: str) -> Call[None]:
    return Call("DELETE", path_of("tokens", token_id))


def users(limit: int, after: str | None) -> Call[UserPage]:
    return Call("GET", "users", _page(limit, after, {}))


def user(name: str) -> Call[User]:
    return Call("GET", path_of("users", name))


def create_user(fields: UserRequest) -> Call[User]:
    return Call("POST", "users", body=fields)


def change_user(name: str, changes: UserChange) -> Call[User]:
    return Call("PATCH", path_of("users", name), body=changes)


def delete_user(name: str, hand_jobs_to: str | None) -> Call[None]:
    return Call("DELETE", path_of("users", name), _given(hand_jobs_to=hand_jobs_to))


def teams(limit: int, after: str | None) -> Call[TeamSummaryPage]:
    return Call("GET", "teams", _page(limit, after, {}))


def team(name: str) -> Call[Team]:
    return Call("GET", path_of("teams", name))


def create_team(fields: TeamRequest) -> Call[Team]:
    return Call("POST", "teams", body=fields)


def change_team(name: str, shares: int) -> Call[Team]:
    return Call("PATCH", path_of("teams", name), body={"shares": shares})


def delete_team(name: str) -> Call[None]:
    return Call("DELETE", path_of("teams", name))


def set_member(team_name: str, user_name: str, changes: MemberRequest) -> Call[Team]:
    return Call("PUT", path_of("teams", team_name, "members", user_name), body=changes)


def remove_member(team_name: str, user_name: str) -> Call[None]:
    return Call("DELETE", path_of("teams", team_name, "members", user_name))


def audit(limit: int, after: str | None, filters: Mapping[str, str | list[str]]) -> Call[AuditEntryPage]:
    return Call("GET", "audit", _page(limit, after, filters))


def create_webhook(
    url: str, kind: WebhookKind | None, events: list[str] | None, team: str | None, secret: str | None
) -> Call[NewWebhook]:
    given = {"kind": kind, "events": events, "team": team, "secret": secret}
    body = {"url": url, **{key: value for key, value in given.items() if value is not None}}
    return Call("POST", "webhooks", body=body)


def webhooks(limit: int, after: str | None, job_id: str | None) -> Call[WebhookPage]:
    return Call("GET", "webhooks", _page(limit, after, {"job": job_id} if job_id is not None else {}))


def webhook(webhook_id: str) -> Call[Webhook]:
    return Call("GET", path_of("webhooks", webhook_id))


def change_webhook(webhook_id: str, changes: WebhookChange) -> Call[Webhook]:
    return Call("PATCH", path_of("webhooks", webhook_id), body=changes)


def delete_webhook(webhook_id: str) -> Call[None]:
    return Call("DELETE", path_of("webhooks", webhook_id))


def test_webhook(webhook_id: str) -> Call[Delivery]:
    return Call("POST", path_of("webhooks", webhook_id, "test"))


def rotate_webhook_secret(webhook_id: str) -> Call[NewWebhook]:
    return Call("POST", path_of("webhooks", webhook_id, "rotate-secret"))


def deliveries(webhook_id: str, limit: int, after: str | None) -> Call[DeliveryPage]:
    return Call("GET", path_of("webhooks", webhook_id, "deliveries"), _page(limit, after, {}))


def resend_delivery(webhook_id: str, delivery_id: str) -> Call[Delivery]:
    return Call("POST", path_of("webhooks", webhook_id, "deliveries", delivery_id, "resend"))


def _copied(job_id: str, action: str, changes: JobFields | RetryFields) -> Call[Job]:
    return Call("POST", path_of("jobs", job_id, action), body=changes or None, idempotency_key=uuid.uuid4().hex)


def _page(limit: int, after: str | None, filters: Mapping[str, str | list[str]]) -> Query:
    return {"limit": limit, **filters, **({"after": after} if after is not None else {})}


def _period(by: str, first: str | None, last: str | None) -> Query:
    return {"by": by, **_given(**{"from": first, "to": last})}


def _given(**values: str | int | None) -> dict[str, str | int | list[str]]:
    return {name: value for name, value in values.items() if value is not None}
