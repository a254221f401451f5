"""webhooks: add, list, change, delete, test, rotate-secret, deliveries, resend."""

import time
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packtrain.cli.commands.arguments import AsJson, Limit, Yes, connect
from packtrain.cli.screen import agreed, listing, note, now, say, say_json
from packtrain.cli.text.units import age, clock_time

if TYPE_CHECKING:
    from packtrain.client import Packtrain
    from packtrain.schema import Delivery, Webhook, WebhookChange

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id, as `packtrain webhooks list` shows it.")]
DeliveryId = Annotated[str, typer.Argument(metavar="DELIVERY", help="Its id: msg_...")]
Events = Annotated[
    list[str] | None,
    typer.Option(
        "--event", metavar="EVENT", help="job.failed, warning, job.* ...; by default the ends of jobs. Repeatable."
    ),
]
OfJob = Annotated[str | None, typer.Option("--job", metavar="JOB", help="Only those of this job alone.")]
Patience = Annotated[int, typer.Option("--wait", min=0, max=600, metavar="SECONDS", help="How long to wait for it.")]
_LOOK_SECONDS = 0.5


class Kind(str, Enum):
    """Form in which a receiver wants its notices."""

    standard = "standard"
    slack = "slack"
    mattermost = "mattermost"
    openai = "openai"
    mail = "mail"


def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="http(s)://..., or mailto:NAME@DOMAIN for mail.")],
    kind: Annotated[Kind | None, typer.Option(help="By default signed JSON; for mailto: mail.")] = None,
    event: Events = None,
    team: Annotated[str | None, typer.Option(help="Of the jobs of this team, which you lead; not of yours.")] = None,
    as_json: AsJson = False,
) -> None:
    """Have an endpoint told of your jobs. Its secret is shown this once.

    \b
    packtrain webhooks add https://hooks.example.org/packtrain --event 'job.*'
    packtrain webhooks add mailto:ada@example.org
    packtrain webhooks add https://hooks.slack.com/services/... --kind slack
    """
    meant = kind or (Kind.mail if url.startswith("mailto:") else Kind.standard)
    with connect() as api:
        made = api.create_webhook(url, kind=meant.value, events=event, team=team)
    if as_json:
        say_json(made)
        return
    say(made["id"])
    if made["secret"] is not None:
        note(f"its secret, shown this once: {made['secret']}")


def list_webhooks(job: OfJob = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List your webhooks, newest first."""
    with connect() as api:
        page = api.webhooks(job_id=job, limit=limit)
    if as_json:
        say_json(page)
        return
    moment = now()
    rows = [
        (each["id"], each["kind"], state(each, moment), jobs(each), ", ".join(each["events"]), each["url"])
        for each in page["data"]
    ]
    listing("webhooks", ("WEBHOOK", "KIND", "STATE", "JOBS", "EVENTS", "URL"), rows)
    if page["has_more"]:
        note("there are more: --limit")


def change(
    webhook: WebhookId,
    url: Annotated[str | None, typer.Option(help="Another target, of the same kind.")] = None,
    event: Events = None,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Switch it on again, or off.")] = None,
) -> None:
    """Change where a webhook leads, what it is told of, or switch it off and on.

    \b
    packtrain webhooks change wh_... --event job.failed --event warning
    packtrain webhooks change wh_... --on
    """
    changes: WebhookChange = {"url": url, "events": event or None, "disabled": None if on is None else not on}
    with connect() as api:
        changed = api.change_webhook(webhook, **changes)
    note(f"{changed['id']} is {state(changed, now())}; it is told of {', '.join(changed['events'])}")


def delete(webhook: WebhookId, yes: Yes = False) -> None:
    """Forget a webhook. What still waits for it is not sent."""
    if not agreed(f"Delete {webhook} with its deliveries?", yes=yes):
        raise typer.Exit(1)
    with connect() as api:
        api.delete_webhook(webhook)
    note(f"{webhook} is deleted")


def send_test(webhook: WebhookId, patience: Patience = 30) -> None:
    """Send a webhook a notice of no job, and say what became of it. Exit code 1 unless it arrived."""
    with connect() as api:
        sent = api.test_webhook(webhook)
        found = _awaited(api, webhook, sent, patience)
    _tell(found, now())


def rotate_secret(webhook: WebhookId) -> None:
    """Give a webhook a new secret, shown this once. For a day the old one signs too."""
    with connect() as api:
        made = api.rotate_webhook_secret(webhook)
    say(str(made["secret"]))


def deliveries(webhook: WebhookId, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List a webhook's notices of the last 30 days and what became of them, newest first."""
    with connect() as api:
        page = api.deliveries(webhook, limit=limit)
    if as_json:
        say_json(page)
        return
    moment = now()
    rows = [
        (
            each["id"],
            each["event"],
            each["job_id"] or "",
            age(each["created_at"], moment),
            each["status"].replace("_", " "),
            str(each["attempts"]),
            each["last_error"] or "",
        )
        for each in page["data"]
    ]
    listing("deliveries", ("DELIVERY", "EVENT", "JOB", "AGE", "STATUS", "TRIES", "THE LAST ERROR"), rows)
    if page["has_more"]:
        note("there are more: --limit")


def resend(webhook: WebhookId, delivery: DeliveryId, patience: Patience = 0) -> None:
    """Send a notice again under its old id, or at once what waits for its next try."""
    with connect() as api:
        sent = api.resend_delivery(webhook, delivery)
        found = _awaited(api, webhook, sent, patience)
    _tell(found, now(), must_arrive=patience > 0)


def state(webhook: "Webhook", moment: datetime) -> str:
    """Whether notices arrive there, in words."""
    if webhook["disabled"]:
        return f"off: {webhook['disabled_reason']}"
    if webhook["failing_since"] is not None:
        return f"failing since {clock_time(webhook['failing_since'], moment)}"
    return "on"


def jobs(webhook: "Webhook") -> str:
    """The jobs that it is told of, in words."""
    return webhook["job_id"] or (f"team {webhook['team']}" if webhook["team"] else f"{webhook['user']}'s")


def _awaited(api: "Packtrain", webhook: str, sent: "Delivery", patience_seconds: int) -> "Delivery":
    """The delivery once it was tried, or as it is when the wait is over."""
    until, tried = time.monotonic() + patience_seconds, sent["attempts"]
    while sent["status"] == "waiting" and sent["attempts"] == tried and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
        page = api.deliveries(webhook, limit=500)
        sent = next((each for each in page["data"] if each["id"] == sent["id"]), sent)
    return sent


def _tell(delivery: "Delivery", moment: datetime, *, must_arrive: bool = True) -> None:
    if delivery["status"] == "delivered":
        note(f"{delivery['id']} arrived")
        return
    error = f": {delivery['last_error']}" if delivery["last_error"] else ""
    again = f"; next try at {clock_time(delivery['next_try_at'], moment)}" if delivery["next_try_at"] else ""
    note(f"{delivery['id']} has not arrived yet{error}{again}")
    if must_arrive:
        raise typer.Exit(1)


COMMANDS: dict[str, Callable[..., Any]] = {
    "add": add,
    "list": list_webhooks,
    "change": change,
    "delete": delete,
    "test": send_test,
    "rotate-secret": rotate_secret,
    "deliveries": deliveries,
    "resend": resend,
}
