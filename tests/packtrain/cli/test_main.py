import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from packtrain.cli.main import app
from tests.packtrain.stub_server import JOB_ID, TOKEN, Stub, job_json

HEAVY = "torch paramiko sqlalchemy fastapi starlette uvicorn alembic httpx yaml rich llamafactory jinja2".split()  # noqa: SIM905 - as a list it fills a screen
ROOT = Path(__file__).parents[3]


def _run(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PACKTRAIN_")}
    return subprocess.run(
        [sys.executable, "-m", "packtrain", *words],
        cwd=folder, env={**kept, "PYTHONPATH": str(ROOT), **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("words", [["--help"], ["submit", "--help"], ["clusters", "doctor", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = f"""
import sys
from packtrain.cli.main import app
try:
    app({words!r})
except SystemExit as end:
    assert end.code == 0
print("LOADED", *(name for name in {HEAVY!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["LOADED"]


@pytest.mark.parametrize(
    "words",
    [
        *((word,) for word in ("submit", "check", "list", "show", "watch", "logs", "download", "cancel", "retry")),
        *((word,) for word in ("clone", "delete", "priority", "events", "metrics", "compare", "script", "config")),
        ("login",), ("whoami",), ("hold",),
        ("release",), ("serve",), ("work",), ("migrate",), ("datasets", "upload"), ("clusters", "doctor"),
        ("image", "check"), ("token", "create"), ("backup",), ("restore",), ("recover",), ("storage",),
        ("database", "copy"),
    ],
)  # fmt: skip
def test_every_command_has_its_help(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_a_pipe_gets_plain_lines(stub: Stub, tmp_path: Path) -> None:
    stub.versions = [
        job_json(name="\x1b[2Jx", progress={"queue_position": 1}),
        job_json(progress={"version": 2, "status": "running", "current_steps": 1, "total_steps": 2}, slurm_job_id=7),
        job_json(progress={"version": 3, "status": "succeeded"}),
    ]
    done = _run("watch", JOB_ID, folder=tmp_path, PACKTRAIN_URL=stub.url, PACKTRAIN_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[:3] == [
        "queued, place 1 in our queue", "running on lab as Slurm job 7", "1/2 steps",
    ]  # fmt: skip


def test_ctrl_c_ends_the_watching_with_130(stub: Stub, tmp_path: Path) -> None:
    stub.versions = [job_json(progress={"queue_position": 1})]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PACKTRAIN_URL": stub.url, "PACKTRAIN_TOKEN": TOKEN}
    command = [sys.executable, "-u", "-m", "packtrain", "watch", JOB_ID]
    with subprocess.Popen(
        # whoever runs the tests in the background has Ctrl-C ignored, in all that it starts
        ["env", "--default-signal=INT", *command],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            _, stderr = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "the job goes on" in stderr
    assert "Traceback" not in stderr


def test_an_expected_error_is_no_traceback(tmp_path: Path) -> None:
    done = _run("list", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("error: no server is known")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("--help",)])
def test_an_output_that_takes_no_more_is_a_line(stub: Stub, tmp_path: Path, words: tuple[str, ...]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PACKTRAIN_URL": stub.url, "PACKTRAIN_TOKEN": TOKEN}
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "packtrain", *words],
            cwd=tmp_path, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "error: the output: No space left on device\n")


def test_a_pipe_whose_reader_has_gone_needs_no_word(stub: Stub, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PACKTRAIN_URL": stub.url, "PACKTRAIN_TOKEN": TOKEN}
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "packtrain", "show", JOB_ID],
            cwd=tmp_path, env=environment, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("words", [("-h",), ("list", "-h"), ("datasets", "-h"), ("datasets", "list", "-h")])
def test_a_short_h_is_help_everywhere(words: tuple[str, ...]) -> None:
    assert "Usage:" in CliRunner().invoke(app, [*words]).stdout


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("packtrain ")


def test_work_starts_ours_and_not_a_folder_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text("print('not ours')", encoding="utf-8")
    done = _run("work", folder=tmp_path, PACKTRAIN_CLUSTERS_FILE=str(tmp_path / "none.toml"))
    assert done.returncode != 0
    assert "not ours" not in done.stdout
