"""POST /jobs beside a bare insert of the same rows: the step in process, and over HTTP; SQLite and PostgreSQL."""

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session, sessionmaker

from container import stack
from container.lab import ports
from server.clusters.views import ClusterViews
from tests.bench.api.bare_insert import BareInsert
from tests.bench.report.table import Pairs, Row
from tests.bench.rig import Rig
from tests.factories import make_token, make_user
from tests.postgresql import running_server
from tuning.clusters.models import ClusterRow
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.jobs.actions import create
from tuning.jobs.actions.intake import Surroundings
from tuning.jobs.models import Job
from tuning.jobs.request.spec import JobRequest
from tuning.migrate import upgrade
from tuning.people.models import LAB_TEAM_ID
from tuning.settings import load_clusters

SEED = Path(__file__).parents[3] / "examples/llama3_lora_sft.yaml"
NAMED = "dataset: identity,alpaca_en_demo\n"
"""The seed's own data sets: the lab's cluster knows them by name."""
TAGS = {"team": "mt", "run": "7"}
WARM_UP = 20
IN_PROCESS = (
    "A new job, in process: the request with the seed's arguments is checked, its rows are written (a job, 2 tags, 2 "
    "events) and committed. The bare insert is one transaction of SQLAlchemy Core with a statement for each table. "
    "PostgreSQL runs without fsync here, which makes the bare insert quicker and the ratio harder."
)
OVER_HTTP = (
    "POST /jobs over HTTP is held to a bare FastAPI endpoint that does nothing but that insert, request against "
    "request. What POST /jobs adds is the token, the checks, the place in the queue, and the answer with the whole "
    "job. Beside a bare insert without HTTP it has no bound: the bare endpoint alone costs several times that."
)
Step = Callable[[], object]


def measure(rig: Rig) -> Iterator[Row]:
    """Rows for both databases."""
    folder = rig.folder("creating")
    clusters = folder / "clusters.toml"
    clusters.write_text(clusters_toml(), encoding="utf-8")
    yield from _measure_on(rig, f"sqlite:///{folder / 'packtrain.db'}", "SQLite", clusters)
    with running_server() as server:
        yield from _measure_on(rig, f"{server}/postgres", "PostgreSQL", clusters)


def clusters_toml() -> str:
    """A cluster that nobody reaches, for servers that only take jobs in."""
    nowhere = "/nowhere"
    return stack.CLUSTERS.format(
        host="127.0.0.1", port=1, user="packtrain", key_file=nowhere, known_hosts_file=nowhere, accounting="true"
    )


def new_job() -> dict[str, Any]:
    """The body of a POST with the seed's arguments."""
    config = yaml.safe_load(SEED.read_text(encoding="utf-8") + NAMED)
    return {"name": "llama3 lora sft", "config": config, "tags": TAGS}


def _measure_on(rig: Rig, url: str, database: str, clusters: Path) -> Iterator[Row]:
    upgrade(url)
    engine = open_engine(url)
    token = _people_and_cluster(open_sessions(engine))
    with ExitStack() as running:
        running.callback(engine.dispose)
        step = _in_process(open_sessions(engine), clusters)
        step()
        bare = BareInsert.like_the_newest_job(engine)
        ours = running.enter_context(_server(rig, url, clusters))
        theirs = running.enter_context(_bare_endpoint(rig, url))
        request, as_yaml = new_job(), {"config_yaml": SEED.read_text(encoding="utf-8") + NAMED, "tags": TAGS}
        count = rig.scale.insert_pairs
        insert = f"bare insert, {database}"
        yield _in_turn(engine, step, bare.insert, count).row(
            f"a new job, in process, {database}", insert, 3.0, IN_PROCESS
        )
        post = _poster(running, ours, "/api/v1/jobs", request, token)
        yield _in_turn(engine, post, bare.insert, count).row(f"POST /jobs over HTTP, {database}", insert, None)
        bare_post = _poster(running, theirs, "/jobs", request, token)
        beside = f"bare FastAPI endpoint with that insert, {database}"
        yield _in_turn(engine, post, bare_post, count).row(f"POST /jobs over HTTP, {database}", beside, 3.0, OVER_HTTP)
        post_yaml = _poster(running, ours, "/api/v1/jobs", as_yaml, token)
        yield _in_turn(engine, post_yaml, bare_post, count).row(f"the same as config_yaml, {database}", beside, None)


def _in_turn(engine: Engine, ours: Step, theirs: Step, count: int) -> Pairs:
    """Begins with an empty queue: every new job's place in it is counted."""
    with engine.begin() as connection:
        connection.execute(delete(Job))
    for _ in range(WARM_UP):
        ours()
        theirs()
    pairs = Pairs()
    for _ in range(count):
        pairs.ours.append(_seconds(ours))
        pairs.theirs.append(_seconds(theirs))
    return pairs


def _seconds(step: Step) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def _in_process(sessions: sessionmaker[Session], clusters: Path) -> Step:
    """The work of POST /jobs between its body and its answer."""
    settings, views, body = load_clusters(clusters), ClusterViews(), new_job()
    with transaction(sessions) as session:
        owner = create.Asker(make_user(session, name="bob").id)

    def step() -> None:
        with transaction(sessions) as session:
            around = Surroundings(
                settings,
                lambda name: views.view(session, name),
                lambda _ids: (),
                lambda _names: {},
                lambda _cluster: {},
                lambda _ids: {},
                lambda _name: LAB_TEAM_ID,
                lambda _id: "lab",
                lambda _names: (),
            )
            create.create_job(session, JobRequest.model_validate(body), owner, around, datetime.now(UTC))

    return step


def _poster(running: ExitStack, port: int, path: str, body: Mapping[str, Any], token: str) -> Step:
    """A kept connection and nothing above the standard library, so that the client hardly counts."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    running.callback(connection.close)
    content = json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post() -> None:
        connection.request("POST", path, content, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 201:
            raise RuntimeError(f"POST {path} answered {answer.status}: {said[:500]!r}")

    return post


def _people_and_cluster(sessions: sessionmaker[Session]) -> str:
    """A user's token, and a cluster that has described itself: requests are checked against that."""
    names = ("identity", "alpaca_en_demo")
    snapshot = {
        "partitions": [{"name": "gpu", "is_default": True, "max_time_seconds": 86400, "state": "up"}],
        "nodes": [{"name": "n1", "partitions": ["gpu"], "cpus": 8, "gpus": 4, "gpu_types": {"a100": 4}}],
        "datasets": {name: {"file_name": f"{name}.json"} for name in names},
    }
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", lease_token=0, snapshot=snapshot, snapshot_at=datetime.now(UTC)))
        return make_token(session, make_user(session))


@contextmanager
def _server(rig: Rig, url: str, clusters: Path) -> Iterator[int]:
    port = ports.pick()
    own = {
        "PACKTRAIN_DATABASE_URL": url,
        "PACKTRAIN_CLUSTERS_FILE": str(clusters),
        "PACKTRAIN_DATA_DIR": str(clusters.parent / "data"),
        "PACKTRAIN_PORT": str(port),
        "PACKTRAIN_RATE_PER_SECOND": "0",  # one client here asks as fast as it can
    }
    with rig.program(["-m", "server"], port, own):
        yield port


@contextmanager
def _bare_endpoint(rig: Rig, url: str) -> Iterator[int]:
    port = ports.pick()
    with rig.program(["-m", "tests.bench.api.bare_endpoint", url, str(port)], port, {}):
        yield port
