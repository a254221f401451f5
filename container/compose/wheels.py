"""The wheels of requirements.lock, fetched by this machine's own pip: a build in an engine knows no setting of it."""

import sys
from pathlib import Path

from container import cache
from container.compose.engine import TOP
from container.steps import run_logged, step

LOCK = TOP / "requirements.lock"
PYTHON = "3.11"  # of the base image in packtrain.Dockerfile, whatever runs here


def fetch() -> Path:
    """The folder with every wheel of the lock, checked by hash."""
    return cache.build_once(cache.cache_root() / f"wheels-{cache.digest([LOCK, PYTHON])}", _download)


def _download(folder: Path) -> None:
    log = cache.cache_root() / "wheels.log"
    log.unlink(missing_ok=True)
    options = ["--quiet", "--require-hashes", "--only-binary", ":all:", "--python-version", PYTHON]
    with step("fetching the server's packages"):
        run_logged([sys.executable, "-m", "pip", "download", *options, "--dest", folder, "--requirement", LOCK], log)
