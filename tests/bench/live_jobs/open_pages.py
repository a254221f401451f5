"""Two hundred open queue pages in a busy lab: the server's processor, remote commands, and polls of progress beside."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from container import stack
from container.background import find_process
from tests.bench.api.reading import run_load
from tests.bench.clients.load import LoadOrder, LoadResult
from tests.bench.clients.page_readers import PageOrder, PageResult
from tests.bench.cores import cpu_seconds
from tests.bench.live_jobs.crowd import Crowd
from tests.bench.report.table import Row, shown
from tests.bench.rig import Rig

LIVE = 20
PEOPLE, PAGES_EACH = 10, 20
POLLERS, EVERY_SECONDS, SETTLE_SECONDS = 50, 2.0, 2.0
CHANGE_SECONDS = 2.0
START_SECONDS = 60.0
MOST_SHARE, MOST_SECONDS, MOST_COMMANDS = 0.5, 0.1, 1.1
NOTE = (
    "Open pages: 200 sessions of ten people, each with the queue page as a browser holds it (a stream of events, and "
    "the content again at most once a second after an event), in a lab where runs log all the time and every 2 s a job "
    "is submitted and another cancelled; 50 clients poll a run's progress every 2 s, with the pages and before them."
)


@dataclass(frozen=True)
class _Stretch:
    """A stretch of time: share of a processor that the server used, remote commands a minute, polls of progress."""

    share: float
    commands_a_minute: float
    polls: LoadResult


def measure(rig: Rig) -> Iterator[Row]:
    """A row for the server's cost, one for the cluster's."""
    crowd = Crowd.of(rig)
    crowd.grow_to(LIVE)
    sessions = crowd.database.sign_in(PEOPLE, PAGES_EACH)
    with _busy(crowd):
        before = _stretch(crowd, min(rig.scale.poll_seconds, 60.0))
        with _opened(PageOrder(crowd.site.port, sessions, rig.scale.poll_seconds)) as pages:
            during = _stretch(crowd, rig.scale.poll_seconds)
            result = _result(pages)
    yield _cost(before, during, result, rig.scale.poll_seconds)
    yield _commands(before, during)


def _stretch(crowd: Crowd, seconds: float) -> _Stretch:
    path = f"/api/v1/jobs/{crowd.database.running_jobs(1)[0]}/progress"
    token, port = crowd.site.env()["PACKTRAIN_TOKEN"], crowd.site.port
    order = LoadOrder(port, [path], token, POLLERS, seconds, EVERY_SECONDS, True, SETTLE_SECONDS)
    server = find_process(stack.pid_file(crowd.site.state, "server"))
    if server is None:
        raise RuntimeError("the server has ended")
    used, cycle = cpu_seconds(server.pid), crowd.database.last_cycle()
    polls = run_load(order)
    share = (cpu_seconds(server.pid) - used) / seconds
    return _Stretch(share, crowd.database.last_cycle().commands_a_minute(cycle), polls)


@contextmanager
def _busy(crowd: Crowd) -> Iterator[None]:
    """Jobs come and are cancelled until the block ends."""
    over, steady = threading.Event(), threading.Event()
    thread = threading.Thread(target=_change, args=(crowd, over, steady))
    thread.start()
    try:
        if not steady.wait(START_SECONDS):
            raise RuntimeError("no job was cancelled")
        yield
    finally:
        over.set()
        thread.join()


def _change(crowd: Crowd, over: threading.Event, steady: threading.Event) -> None:
    """From the first cancel on it is steady: before, jobs come and none goes."""
    with crowd.site.client() as client:
        known: list[str] = []
        while not over.wait(CHANGE_SECONDS / 2):
            known += crowd.database.add(1)
            # apart: whether the worker does both in one cycle must not hang on how fast the server answers
            if not over.wait(CHANGE_SECONDS / 2) and len(known) > 1:
                client.cancel(known.pop(0))
                steady.set()


@contextmanager
def _opened(order: PageOrder) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.bench.clients.page_readers"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as pages:
        assert pages.stdin is not None
        pages.stdin.write(json.dumps(asdict(order)))
        pages.stdin.close()
        yield pages


def _result(pages: "subprocess.Popen[str]") -> PageResult:
    assert pages.stdout is not None
    return PageResult(**json.loads(pages.stdout.read()))


def _cost(before: _Stretch, during: _Stretch, result: PageResult, seconds: float) -> Row:
    strange = _strange(result, before.polls, during.polls)
    return Row(
        f"{PEOPLE * PAGES_EACH} open queue pages for {seconds:g} s in a busy lab",
        "no page is open",
        f"server CPU {during.share:.0%} of a core / {before.share:.0%}",
        f"p99 of progress {shown(during.polls.p99_seconds)} / {shown(before.polls.p99_seconds)}",
        f"{sum(result.statuses.values()):,} renewals, {result.events:,} events; errors: {strange or 'none'}",
        f"no error, < {MOST_SHARE:g} core, p99 < {MOST_SECONDS:g} s",
        not strange and during.share < MOST_SHARE and during.polls.p99_seconds < MOST_SECONDS,
        NOTE,
    )


def _strange(result: PageResult, *polls: LoadResult) -> dict[str, int]:
    answers: Sequence[dict[str, int]] = (result.statuses, *(each.statuses for each in polls))
    found = {status: count for each in answers for status, count in each.items() if status not in ("200", "304")}
    return found | ({"streams lost": result.lost} if result.lost else {})


def _commands(before: _Stretch, during: _Stretch) -> Row:
    ratio = during.commands_a_minute / before.commands_a_minute
    return Row(
        f"remote commands a minute while {PEOPLE * PAGES_EACH} pages are open",
        "no page is open",
        f"{during.commands_a_minute:.1f} / {before.commands_a_minute:.1f}",
        f"{ratio:.2f}",
        f"{LIVE} live jobs, one more every {CHANGE_SECONDS:g} s",
        f"<= {MOST_COMMANDS:g}",
        ratio <= MOST_COMMANDS,
    )
