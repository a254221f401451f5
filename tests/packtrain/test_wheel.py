"""The wheel: the client alone, typed, for any system."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from container.client_types import FILE

ROOT = FILE.parents[1]
MODULES = sorted((ROOT / "packtrain").rglob("*.py"))
POSIX_ONLY = frozenset({"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"})
USER_SCRIPT = """
import asyncio
from pathlib import Path

from packtrain import AsyncPacktrain, Packtrain
from packtrain.errors import ApiError


def run(lab: Packtrain) -> float:
    job = lab.submit(config={"model_name_or_path": "tiny-llama"}, resources={"gpus_per_node": 1})
    try:
        ended = lab.wait(job["id"], on_progress=lambda progress: print(progress["percentage"]))
    except ApiError as error:
        print(error.status)
        raise
    lab.download(ended["id"], Path("adapter"))
    return ended["progress"]["loss"] or 0.0


async def follow(lab: AsyncPacktrain, job_id: str) -> None:
    async for line in lab.follow_logs(job_id):
        print(line)
    print((await lab.job(job_id))["status"])


asyncio.run(follow(AsyncPacktrain("http://lab", "pt_x"), "job_x"))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pip install packtrain` puts into site-packages."""
    built, folder = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site-packages")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def _without_the_checkout(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code where the wheel is installed, and this checkout is not."""
    start = f"import sys; sys.path = [{str(folder)!r}, *(path for path in sys.path if path != {str(ROOT)!r})]\n"
    command = [sys.executable, "-P", "-c", start + code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_it_holds_packtrain_alone_with_its_types(unpacked: Path) -> None:
    assert {path.name for path in unpacked.iterdir() if path.suffix != ".dist-info"} == {"packtrain"}
    assert (unpacked / "packtrain" / "py.typed").is_file()


def test_a_users_script_is_typed(unpacked: Path) -> None:
    (unpacked / "script.py").write_text(USER_SCRIPT, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(unpacked / "cache"), "script.py"]
    done = subprocess.run(command, cwd=unpacked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("words", [["serve"], ["clusters", "doctor", "lab", "--submit"], ["token", "create", "a"]])
def test_an_operators_command_says_that_it_needs_the_service(unpacked: Path, words: list[str]) -> None:
    code = f"import packtrain.cli.main as m; sys.argv = ['packtrain', *{words!r}]; m.run()"
    done = _without_the_checkout(unpacked, code)
    assert done.returncode == 1
    first, hint = done.stderr.splitlines()
    assert first == f"error: `packtrain {' '.join(words[:2] if len(words) > 1 else words)}` is the operator's: " + (
        "the service is not installed here"
    )
    assert "in its checkout, or in its container" in hint


def test_another_projects_package_ops_is_left_alone(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops" / "__init__.py").write_text("raise SystemExit('not ours')", encoding="utf-8")
    code = (
        f"sys.path.append({str(tmp_path)!r}); import packtrain.cli.main as m; sys.argv = ['packtrain', 'work']; m.run()"
    )
    done = _without_the_checkout(unpacked, code)
    assert "the service is not installed here" in done.stderr


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_of_one_system_alone_is_imported(module: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported & POSIX_ONLY == set()
