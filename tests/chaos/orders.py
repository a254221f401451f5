"""Jobs ordered over REST while the server may be dying: what was answered is what was accepted."""

import random
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from tests.e2e.site import SHORT_RUN

PATIENCE_SECONDS = 600.0
LONG_TEXTS = dict.fromkeys(
    ("run_name", "project", "swanlab_project", "swanlab_workspace", "swanlab_run_name"), "x" * 9_990
)
"""With them, nearly as much as a configuration may hold, an archive is several SSH packets: a fault can come in the
middle of it."""
BODY = {"config": {**SHORT_RUN, **LONG_TEXTS}, "resources": {"gpus_per_node": 0, "memory": "100M"}}


@dataclass(frozen=True)
class Order:
    """A job that somebody wants."""

    name: str
    key: str | None
    """Whoever has one asks again under it until there is an answer; whoever has none asks once."""
    after_seconds: float
    asks_twice: bool
    """Asks again although the answer came: a key must make it the same job."""


@dataclass(frozen=True)
class Receipt:
    """What came of an order; no id: the answer was lost, and there was no key to ask again."""

    order: Order
    job_ids: frozenset[str]


def draw_orders(prefix: str, rng: random.Random) -> list[Order]:
    """A few orders, three of four with a key."""
    orders = []
    for number in range(rng.randint(1, 4)):
        has_key = rng.random() < 0.75
        key = f"{prefix}{number}-{uuid.UUID(int=rng.getrandbits(128)).hex}" if has_key else None
        orders.append(Order(f"{prefix}{number}", key, rng.uniform(0, 0.4), has_key and rng.random() < 0.3))
    return orders


class Counter:
    """Places orders at once from as many threads as there are."""

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url}/api/v1/jobs"
        self._headers = {"Authorization": f"Bearer {token}"}

    def place(self, orders: Sequence[Order], pool: ThreadPoolExecutor) -> "list[Future[Receipt]]":
        """Begin to order."""
        return [pool.submit(self._place, order) for order in orders]

    def _place(self, order: Order) -> Receipt:
        time.sleep(order.after_seconds)
        times = 2 if order.asks_twice else 1
        with httpx.Client(headers=self._headers, timeout=10.0, trust_env=False) as client:
            ids = [self._ask(client, order) for _ in range(times)]
        return Receipt(order, frozenset(one for one in ids if one is not None))

    def _ask(self, client: httpx.Client, order: Order) -> str | None:
        headers = {"Idempotency-Key": order.key} if order.key else {}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = client.post(self._url, json={**BODY, "name": order.name}, headers=headers)
            except httpx.TransportError:
                if order.key is None:
                    return None
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                answer.raise_for_status()
                return str(answer.json()["id"])
