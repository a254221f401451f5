"""Jobs that serve models: one of a model and cluster at a time, within the limits; on both kinds of database."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_attempt, make_cluster_settings, make_user
from tuning.db.engine import transaction
from tuning.errors import Conflict, Finding, InvalidInput
from tuning.jobs.actions.control import cancel_job
from tuning.jobs.actions.create import Asker
from tuning.jobs.actions.intake import Surroundings
from tuning.jobs.models import Job
from tuning.jobs.request.resources import ClusterView, PartitionView
from tuning.jobs.results.resolve import ModelRef
from tuning.jobs.serving.create import find_server, start_server
from tuning.jobs.serving.servers import server_of
from tuning.jobs.status import JobStatus
from tuning.llamafactory.kinds import SourceModel
from tuning.settings import PartitionDefaults

CLUSTER = make_cluster_settings(
    models={"tiny": "/models/tiny"}, defaults=PartitionDefaults(partition="gpu", qos="low", gpus_per_node=4)
)
BASE = ModelRef("tiny", "lab", "/models/tiny", None, None, None, "llama3", None)
TUNED = ModelRef(
    "ft:tiny:lab:x:1",
    "lab",
    None,
    "job_1",
    None,
    SourceModel("/models/tiny", "jobs/job_1/output", "qwen"),
    "qwen",
    None,
)


def around(limits: Callable[..., list[Finding]] = lambda *_: [], **settings: Any) -> Surroundings:
    cluster = CLUSTER.model_copy(update=settings)
    return Surroundings(
        clusters={"lab": cluster},
        view_of=lambda _: ClusterView({"gpu": PartitionView(2, 4, max_seconds=6 * 3600)}),
        uploads=lambda _: (),
        uploads_by_name=lambda _: {},
        model_aliases=lambda _: {},
        jobs=lambda _: {},
        team_of=lambda name: name,
        team_name=lambda team_id: team_id,
        missing_secrets=lambda _: (),
        limits=limits,
    )


@pytest.fixture
def asker(session: Session) -> Asker:
    return Asker(make_user(session).id)


def test_a_server_is_a_job_of_the_operators_shape(session: Session, asker: Asker) -> None:
    site = around(serve_class="scavenger", serve_life_seconds=3600, serve_gpus=2, serve_memory="8G")
    job = start_server(session, BASE, asker, site, NOON)
    assert (job.kind, job.name, job.status, job.job_class) == ("serve", "serving tiny", JobStatus.QUEUED, "scavenger")
    wanted = {
        "partition": "gpu",
        "qos": "low",
        "nodes": 1,
        "gpus_per_node": 2,
        "memory": "8G",
        "time_limit": "01:00:00",
    }
    assert wanted.items() <= job.resources.items()
    assert (job.gpus, job.limit_seconds, job.owner_id) == (2, 3600, asker.user_id)
    assert job.config == {"model_name_or_path": "/models/tiny", "template": "llama3"}


def test_a_result_is_served_from_what_its_job_left(session: Session, asker: Asker) -> None:
    job = start_server(session, TUNED, asker, around(serve_life_seconds=60), NOON)
    assert (job.source_job, job.config) == ("job_1", {"template": "qwen"})
    assert job.source is not None
    assert job.source["adapter"] == "jobs/job_1/output"


def test_a_live_server_is_not_started_again(session: Session, asker: Asker) -> None:
    first = start_server(session, BASE, asker, around(serve_life_seconds=60), NOON)
    other = Asker(make_user(session, name="bob").id)
    assert start_server(session, BASE, other, around(serve_life_seconds=60), NOON).id == first.id
    assert start_server(session, TUNED, other, around(serve_life_seconds=60), NOON).id != first.id


@pytest.mark.parametrize("by", ["end", "wish"])
def test_one_that_ends_is_followed_by_another(session: Session, asker: Asker, by: str) -> None:
    first = start_server(session, BASE, asker, around(serve_life_seconds=60), NOON)
    if by == "end":
        cancel_job(session, first.id, "ada", NOON)
    else:
        first.status, first.cancel_requested_at = JobStatus.RUNNING, NOON
        session.flush()
    assert find_server(session, BASE) is None
    second = start_server(session, BASE, asker, around(serve_life_seconds=60), NOON)
    assert second.id != first.id
    found = find_server(session, BASE)
    assert found is not None
    assert found.job.id == second.id


def test_it_is_ready_once_its_attempt_has_said_so(session: Session, asker: Asker) -> None:
    job = start_server(session, BASE, asker, around(serve_life_seconds=60), NOON)
    waiting = find_server(session, BASE)
    assert waiting is not None
    assert (waiting.token, waiting.is_ready) == (None, False)
    job.attempt = 1
    attempt = make_attempt(session, job)
    server = server_of(session, job.id)
    assert server is not None
    server.ready_at = NOON
    session.flush()
    ready = find_server(session, BASE)
    assert ready is not None
    assert (ready.token, ready.is_ready) == (attempt.token, True)


def test_limits_and_partitions_hold_servers_too(session: Session, asker: Asker) -> None:
    with pytest.raises(InvalidInput, match="no more GPUs"):
        start_server(session, BASE, asker, around(lambda *_: [Finding((), "no more GPUs")]), NOON)
    with pytest.raises(InvalidInput, match="no node of the partition gpu has 8 GPUs"):
        start_server(session, BASE, asker, around(serve_gpus=8, serve_life_seconds=60), NOON)
    assert find_server(session, BASE) is None


def test_what_cannot_be_served_says_why(session: Session, asker: Asker) -> None:
    with pytest.raises(Conflict, match="tiny cannot be served: it has no template"):
        start_server(session, replace(BASE, may_serve="it has no template"), asker, around(), NOON)
    with pytest.raises(Conflict, match="no longer in the settings"):
        start_server(session, replace(BASE, cluster="gone"), asker, around(), NOON)


def test_all_who_start_a_server_at_once_get_the_same(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        askers = [Asker(make_user(session, name=name).id) for name in ("ada", "bob", "eve", "kim")]
    gate = threading.Barrier(len(askers))

    def start(asker: Asker, model: str) -> str:
        gate.wait(timeout=30.0)
        with transaction(sessions) as session:
            return start_server(session, replace(BASE, name=model), asker, around(serve_life_seconds=60), NOON).id

    with ThreadPoolExecutor(len(askers)) as pool:
        for number in range(5):
            assert len(set(pool.map(start, askers, [f"tiny-{number}"] * len(askers)))) == 1
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 5


def test_who_comes_while_a_server_is_made_gets_it(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        first, second = (Asker(make_user(session, name=name).id) for name in ("ada", "bob"))

    def start_alone() -> str:
        with transaction(sessions) as session:
            return start_server(session, BASE, second, around(serve_life_seconds=60), NOON).id

    with ThreadPoolExecutor(1) as other:
        with transaction(sessions) as session:
            made = start_server(session, BASE, first, around(serve_life_seconds=60), NOON).id
            waiting = other.submit(start_alone)
            wait([waiting], timeout=0.3)
            assert not waiting.done()
        assert waiting.result() == made
