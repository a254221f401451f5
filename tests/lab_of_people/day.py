"""A day of a lab: its people order their jobs, programs are killed in between, and the queue is looked at."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import psycopg

from container.steps import say
from packtrain.client import Packtrain
from packtrain.errors import PacktrainError
from tests.e2e.site import ENDED
from tests.lab_of_people.crowd import Person, Wanted
from tests.lab_of_people.service import PROGRAMS, SECOND_WORKER, Service

DAY_SECONDS = 3600.0
"""Far more than it takes."""
LOOK_SECONDS, KILL_SECONDS = 10.0, 45.0
LOOKED_AT = 500
"""The first so many of the queue."""
ORDERERS = 6
STRIKES = (("worker",), ("server",), (SECOND_WORKER,), ("server", "worker"), ("worker", SECOND_WORKER), PROGRAMS)


@dataclass(frozen=True)
class Ordered:
    """A job that was accepted, and when."""

    job_id: str
    person: Person
    wanted: Wanted
    at: float


@dataclass(frozen=True)
class Look:
    """The queue of a cluster at a moment: its first jobs in their order, but for those that wait for a limit."""

    cluster: str
    at: float
    job_ids: Sequence[str]


@dataclass
class Day:
    """Orders, looks at the queue and kills of a day."""

    orders: list[Ordered] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


@dataclass(frozen=True)
class Event:
    """Something to be done once, when so great a part of the jobs has ended."""

    part: float
    act: Callable[[], None]


def live(
    service: Service, admin: Packtrain, wanted: Sequence[tuple[Person, Wanted]], rng: random.Random, event: Event
) -> Day:
    """Order everything, and wait until all of it has ended. Raises TimeoutError."""
    day, began, is_pending = Day(), time.monotonic(), True
    with _ordering(day, wanted), _striking(day, service, rng), psycopg.connect(service.database_url) as database:
        database.autocommit = True
        while (ended := _ended(database)) < len(wanted):
            _look(day, admin, service)
            if is_pending and ended >= event.part * len(wanted):
                is_pending = False
                event.act()
            if time.monotonic() - began > DAY_SECONDS:
                raise TimeoutError(f"{ended} of {len(wanted)} jobs have ended: {_counts(database)}")
            say(f"{time.monotonic() - began:.0f} s: {_counts(database)}; killed: {sum(day.kills.values())}")
            time.sleep(LOOK_SECONDS)
    day.seconds = time.monotonic() - began
    return day


@contextmanager
def _ordering(day: Day, wanted: Sequence[tuple[Person, Wanted]]) -> Iterator[None]:
    """A few people at a time; whoever's server dies asks again. Their errors are raised at the end."""
    clients = threading.local()

    def order(each: tuple[Person, Wanted]) -> None:
        if not hasattr(clients, "http"):
            clients.http = httpx.Client(timeout=60.0, trust_env=False)
        job_id = each[0].order(each[1], clients.http)
        day.orders.append(Ordered(job_id, *each, time.time()))

    with ThreadPoolExecutor(ORDERERS) as pool:
        ordered = pool.map(order, wanted)
        yield
        list(ordered)


@contextmanager
def _striking(day: Day, service: Service, rng: random.Random) -> Iterator[None]:
    """Programs are killed and started again, in turn, until the block ends."""
    is_over = threading.Event()

    def strike() -> None:
        turn = 0
        while not is_over.wait(rng.uniform(0.7, 1.3) * KILL_SECONDS):
            programs = STRIKES[turn % len(STRIKES)]
            turn += 1
            for program in programs:
                service.kill(program)
                day.kills[program] += 1
            time.sleep(rng.uniform(0.0, 4.0))
            for program in programs:
                service.start(program)

    with ThreadPoolExecutor(1) as pool:
        striking = pool.submit(strike)
        try:
            yield
        finally:
            is_over.set()
            striking.result()


def _look(day: Day, admin: Packtrain, service: Service) -> None:
    """A server that was just killed is not looked at."""
    for cluster in service.labs:
        try:
            at, page = time.time(), admin.queue(limit=LOOKED_AT, cluster=cluster)
        except PacktrainError:
            continue
        waiting = [each for each in page["data"] if each["position"] and each["waits_for"]["kind"] != "limit"]
        day.looks.append(Look(cluster, at, [each["job_id"] for each in waiting]))


def _ended(database: "psycopg.Connection[tuple[object, ...]]") -> int:
    return sum(count for status, count in _counts(database).items() if status in ENDED)


def _counts(database: "psycopg.Connection[tuple[object, ...]]") -> Mapping[str, int]:
    rows = database.execute("SELECT status, count(*) FROM jobs GROUP BY status").fetchall()
    return {str(status): int(str(count)) for status, count in rows}
