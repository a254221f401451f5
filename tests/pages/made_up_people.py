"""Use, limits, tokens, webhooks and troubles of a made-up lab."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert
from sqlalchemy.orm import Session

from tests.factories import make_limit, make_token, make_webhook
from tuning.clusters.sick_nodes import Fault, note_fault
from tuning.ids import new_id
from tuning.jobs.troubles import THE_WHOLE, Step, note_failure
from tuning.notices.models import Delivery, DeliveryStatus
from tuning.people.audit import Actor, Change, record
from tuning.people.models import User
from tuning.queue.limits.limit import LimitKind
from tuning.secrets.models import Secret
from tuning.usage.models import UsageDay

_DAYS = 90


def add_people_things(session: Session, people: Sequence[User], administrator: User, now: datetime) -> None:
    """Usage of 90 days, limits, tokens, secrets, webhooks with deliveries, changes; a sick node and a failed step."""
    chance = random.Random(len(people))  # noqa: S311 - the same lab each time
    days = [_day(user, number, chance, now) for number in range(_DAYS) for user in people if chance.random() < 0.8]
    session.connection().execute(insert(UsageDay), days)
    make_limit(session, LimitKind.GPU_HOURS, 4000, team="mt")
    make_limit(session, LimitKind.RUNNING_JOBS, 4, user="*")
    ada = people[0]
    make_token(session, ada, expires_at=now + timedelta(days=30))
    for name in ("HF_TOKEN", "WANDB_API_KEY"):
        session.add(Secret(owner_id=ada.id, name=name, ciphertext=b"?", created_at=now, updated_at=now))
    _add_webhook(session, ada, now)
    for number, user in enumerate(people):
        change = Change("user.created", "user", user.name, after={"role": "member", "teams": ["lab"]})
        record(session, Actor(administrator.name, address="192.0.2.7"), change, now - timedelta(hours=number))
    for number in range(2):
        at = now - timedelta(minutes=20 * number + 5)
        note_fault(session, "lab", Fault("gpu15", new_id("job"), at, "CUDA error: uncorrectable ECC error <b>"))
    note_failure(session, "lab", Step.STAGE, THE_WHOLE, ValueError("no room"), now)


def _day(user: User, number: int, chance: random.Random, now: datetime) -> dict[str, object]:
    hours = chance.uniform(4, 90) * (1.6 if user.name in ("ada", "kenji") else 0.5)
    place = {"user_id": user.id, "team_id": user.default_team_id, "cluster": "lab"}
    day = (now - timedelta(days=number)).date()
    return {**place, "day": day, "gpu_seconds": hours * 3600, "jobs": chance.randint(1, 9)}


def _add_webhook(session: Session, user: User, now: datetime) -> None:
    webhook = make_webhook(session, user, url="https://hooks.example.org/<b>packtrain</b>", created_at=now)
    ends = ((DeliveryStatus.DELIVERED, 200, None), (DeliveryStatus.GIVEN_UP, 500, "it answered 500 <b>oops</b>"))
    for number, (status, code, error) in enumerate(ends):
        at = now - timedelta(hours=number + 1)
        told = {"last_status": code, "last_error": error, "last_attempt_at": at, "attempts": 1 + 12 * number}
        delivery = Delivery(id=new_id("msg"), webhook_id=webhook.id, event="job.failed", payload={}, status=status)
        delivery.created_at = delivery.next_try_at = delivery.give_up_at = at
        for name, value in told.items():
            setattr(delivery, name, value)
        session.add(delivery)
