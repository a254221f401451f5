"""Clients of OpenAI's API, each in a Python environment of its own, kept in the cache under a hash of its pins."""

import os
import sys
from pathlib import Path

from container import cache
from container.steps import run_logged, step

PINS = Path(__file__).parent / "pins"


def build(name: str) -> Path:
    """The client's environment, installed where the cache has none; another process waits. Raises StepError."""
    pins, version = PINS / f"{name}.txt", ".".join(map(str, sys.version_info[:2]))
    place = cache.cache_root() / f"client-{name}-{cache.digest([pins, version])}"
    return cache.build_once(place, lambda part: _install(name, pins, part))


def _install(name: str, pins: Path, environment: Path) -> None:
    log = cache.cache_root() / f"client-{name}.log"
    log.unlink(missing_ok=True)
    with step(f"installing {name}"):
        run_logged([sys.executable, "-m", "venv", environment], log)
        options = ["--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps", "-r", str(pins)]
        run_logged([environment / "bin/python", "-m", "pip", "install", *options], log, dict(os.environ))
