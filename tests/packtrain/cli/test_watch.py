import io
from collections.abc import Iterator
from typing import Any, cast

import pytest
from rich.console import Console

from packtrain.cli.watch import LineView, LiveView, View, watch
from packtrain.client import Packtrain
from packtrain.errors import ServerUnreachable
from packtrain.schema import Job
from packtrain.transport.long_poll import Outage
from tests.packtrain.stub_server import JOB_ID, TOKEN, Stub, job_json

NASTY = "\x1b[2J[red]name[/red]"
RUNNING = {"status": "running", "total_steps": 90, "percentage": 50.0, "loss": 2.25, "eta_seconds": 540.0}


def _job(**progress: Any) -> Job:
    return cast(Job, job_json(name=NASTY, slurm_job_id=7, slurm_reason="Resources\x1b]0;title\x07", progress=progress))


class Lines:
    """A LineView with what it wrote and a clock that is set."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.seconds = 0.0
        self.view = LineView(self.written.append, lambda: self.seconds)


def test_lines_tell_a_status_once_and_steps_now_and_then() -> None:
    lines = Lines()
    for seconds, step in ((0, 1), (1, 2), (4, 3), (6, 4), (7, 90)):
        lines.seconds = seconds
        lines.view.show(_job(**RUNNING, current_steps=step))
    assert [line.split("  ")[0] for line in lines.written] == [
        "running on lab as Slurm job 7", "1/90 steps", "4/90 steps", "90/90 steps",
    ]  # fmt: skip


def test_lines_tell_an_outage_once_and_its_end() -> None:
    lines = Lines()
    lines.view.show(_job(status="pending"))
    for seconds in (0.0, 5.0):
        lines.view.outage(Outage(seconds, ServerUnreachable("nobody there")))
    lines.view.show(_job(status="pending"))
    assert lines.written[1:] == [
        "nobody there; the job is not touched by this, still asking",
        "the server answers again",
    ]


@pytest.fixture
def screen() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80, markup=False, emoji=False, highlight=False)


def _shown(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


@pytest.mark.parametrize(
    ("progress", "parts"),
    [
        ({"status": "queued", "queue_position": 3}, ["queued, place 3 in our queue"]),
        ({"status": "pending"}, ["pending in Slurm's queue on lab as 7: Resources"]),
        ({"status": "running"}, ["loading model and data"]),
        ({**RUNNING, "current_steps": 45}, ["45/90 steps  50 %", "loss 2.25", "9 min left"]),
    ],
)
def test_the_picture_shows_each_state(screen: Console, progress: dict[str, Any], parts: list[str]) -> None:
    view = LiveView(screen)
    view.show(_job(**progress))
    view.close()
    for part in parts:
        assert part in _shown(screen)


def test_the_picture_shows_names_and_reasons_inert(screen: Console) -> None:
    view = LiveView(screen)
    view.show(_job(status="pending"))
    view.close()
    assert "[red]name[/red]" in _shown(screen)
    assert "\x1b[2J" not in _shown(screen)
    assert "title" not in _shown(screen)


def test_the_picture_keeps_the_job_through_an_outage(screen: Console) -> None:
    view = LiveView(screen)
    view.show(_job(**RUNNING, current_steps=45))
    view.outage(Outage(75.0, ServerUnreachable("nobody")))
    view.close()
    last = _shown(screen).rpartition("45/90")[2]
    assert "no answer from the server for 1 min 15 s" in last


@pytest.fixture
def api(stub: Stub) -> Iterator[Packtrain]:
    with Packtrain(stub.url, TOKEN) as open_api:
        yield open_api


@pytest.mark.parametrize(("status", "code"), [("succeeded", 0), ("failed", 1), ("cancelled", 3)])
def test_the_exit_code_tells_the_end(
    api: Packtrain, stub: Stub, capsys: pytest.CaptureFixture[str], status: str, code: int
) -> None:
    stub.versions = [job_json(), job_json(progress={"version": 2, "status": status}, result={"train_loss": 2.5})]
    assert watch(api, JOB_ID, Lines().view) == code
    out = capsys.readouterr().out
    assert f"{JOB_ID} {status}" in out
    assert "train_loss  2.5" in out


def test_an_interruption_leaves_the_job_and_says_how_to_come_back(
    api: Packtrain, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted(LineView):
        def show(self, job: Job) -> None:
            raise KeyboardInterrupt

    view: View = Interrupted(lambda _line: None, lambda: 0.0)
    assert watch(api, JOB_ID, view) == 130
    said = capsys.readouterr().err
    assert "the job goes on" in said
    assert f"packtrain watch {JOB_ID}" in said
    assert f"packtrain cancel {JOB_ID}" in said
