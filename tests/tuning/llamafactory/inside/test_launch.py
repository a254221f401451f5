"""The start of a run inside its container, as the process that the batch script starts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tuning.llamafactory.inside import PROGRAMS_FILE, programs

TIMEOUT_SECONDS = 120


def launched(tmp_path: Path, *program: str, names: str = "") -> subprocess.Popen[bytes]:
    (tmp_path / PROGRAMS_FILE).write_bytes(programs())
    environment = {"PATH": "/usr/bin:/bin", "PACKTRAIN_SECRETS": str(tmp_path), "PACKTRAIN_SECRET_NAMES": names}
    command = [sys.executable, str(tmp_path / PROGRAMS_FILE), "launch", *program]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def output_of(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize(("script", "status"), [("exit 3", 3), ("kill -KILL $$", 137), ("exit 0", 0)])
def test_it_ends_as_its_program_ends(tmp_path: Path, script: str, status: int) -> None:
    process = launched(tmp_path, "sh", "-c", script)
    _, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == status
    said = "packtrain: the program was ended by signal 9 (Killed)\n" if status == 137 else ""
    assert stderr.decode() == said


def test_secrets_are_the_bytes_of_their_files(tmp_path: Path) -> None:
    values = {"A": b"x$(id)`id`\\'\"\n\n", "B": bytes(range(1, 256)), "C": b""}
    for name, value in values.items():
        (tmp_path / name).write_bytes(value)
    for name, value in values.items():
        process = launched(tmp_path, "sh", "-c", f'printf %s "${name}"', names="A B C")
        assert process.communicate(timeout=TIMEOUT_SECONDS)[0] == value


def test_an_order_to_end_reaches_the_whole_process_group(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "never")
    child = f"(trap 'echo child; exit' TERM; exec 3<>{tmp_path}/never; echo up; read -r _ <&3)"
    process = launched(tmp_path, "sh", "-c", f"trap 'wait; exit 9' TERM; {child} & wait")
    assert output_of(process) == b"up\n"
    out, _ = process.communicate(b"end\n", timeout=TIMEOUT_SECONDS)
    assert (process.returncode, out) == (9, b"child\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_to_the_launcher_alone_leaves_the_program_running(tmp_path: Path, number: signal.Signals) -> None:
    os.mkfifo(tmp_path / "fifo")
    process = launched(tmp_path, "sh", "-c", f"echo up; read -r line <{tmp_path}/fifo; exit 5")
    assert output_of(process) == b"up\n"
    process.send_signal(number)
    (tmp_path / "fifo").write_text("go\n")
    process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 5


def test_the_program_has_no_input_and_a_session_of_its_own(tmp_path: Path) -> None:
    script = "import os, sys; print(repr(sys.stdin.read()), os.getsid(0) == os.getpid())"
    process = launched(tmp_path, sys.executable, "-c", script)
    assert output_of(process) == b"'' True\n"
    process.communicate(timeout=TIMEOUT_SECONDS)
