"""Each peer in a Python environment of its own, kept in the cache under a hash of its pins."""

import os
import sys
from pathlib import Path

from container import cache
from container.steps import run_logged, step

HERE = Path(__file__).parent


def pins(name: str) -> Path:
    """The peer's exact versions."""
    return HERE / f"{name}.txt"


def key(name: str) -> str:
    """The environment's name in the cache: another one as soon as a pin or this Python changes."""
    version = ".".join(map(str, sys.version_info[:2]))
    return f"peer-{name}-{cache.digest([pins(name), version])}"


def build(name: str) -> Path:
    """Return the peer's environment, installing it where the cache has none. Raises StepError."""
    return cache.build_once(cache.cache_root() / key(name), lambda part: _install(name, part))


def packages(environment: Path) -> Path:
    """The folder with the peer's code."""
    return next(environment.glob("lib/python3*/site-packages"))


def _install(name: str, environment: Path) -> None:
    log = cache.cache_root() / f"peer-{name}.log"
    log.unlink(missing_ok=True)
    with step(f"installing {name} and what it needs"):
        run_logged([sys.executable, "-m", "venv", environment], log)
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--requirement", str(pins(name))]
        run_logged([environment / "bin/python", "-m", "pip", "install", *options], log, dict(os.environ))
