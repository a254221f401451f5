"""The one file in which our programs reach the training image."""

import subprocess
import sys
from pathlib import Path

from tuning.llamafactory.inside import PROGRAMS_FILE, programs

REPLACED = "transformers.trainer_jit_checkpoint"


def test_python_serves_our_stop_in_the_place_of_transformers_own(tmp_path: Path) -> None:
    (tmp_path / PROGRAMS_FILE).write_bytes(programs())
    (tmp_path / "transformers").mkdir()
    (tmp_path / "transformers" / "__init__.py").touch()
    (tmp_path / "transformers" / "trainer_jit_checkpoint.py").touch()
    done = subprocess.run(
        [sys.executable, "-c", f"from importlib.util import find_spec; print(find_spec({REPLACED!r}).origin)"],
        env={"PYTHONPATH": f"{tmp_path / PROGRAMS_FILE}:{tmp_path}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == f"{tmp_path / PROGRAMS_FILE}/trainer_jit_checkpoint.py", done.stderr


def test_the_same_bytes_go_with_every_attempt() -> None:
    programs.cache_clear()
    first = programs()
    programs.cache_clear()
    assert programs() == first
