"""`make test-compose`: docker-compose.yml on a real engine, one job through it, and nothing left behind."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from container import cache, image
from container.compose import base_images, engine, first_job, project, wheels
from container.compose.engine import Engine
from container.compose.prepare import LabParts, prepare
from container.compose.project import Project
from container.lab import models, ports
from container.steps import StepError, say

LIMIT_SECONDS = 30 * 60
LOG_LINES = 40


def run() -> None:
    """The whole of it. Raises StepError when anything does not work."""
    started = time.monotonic()
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LIMIT_SECONDS)
    with engine.opened() as docker, _project(docker) as (services, port):
        services.build()
        with _running(services):
            token = services.packtrain("token", "create", "admin", "--admin", "--quiet").strip()
            with first_job.client(f"http://127.0.0.1:{port}", token) as api:
                first_job.run(api)
    signal.alarm(0)
    say(f"docker compose works: {time.monotonic() - started:.0f} s")


@contextmanager
def _project(docker: Engine) -> Iterator[tuple[Project, int]]:
    """The folder, the packages and the base images that the project needs; all but the cache goes at the end."""
    with cache.emptied("compose-test") as folder:
        port = ports.pick()
        prepare(folder, LabParts(image.build("cpu"), models.build()))
        services = project.create(docker, folder, wheels.fetch(), port)
        services.down()  # of a run that was killed
        stand_ins = base_images.provide(docker)
        try:
            yield services, port
        finally:
            if not docker.is_ours:
                services.remove_images(stand_ins)


@contextmanager
def _running(services: Project) -> Iterator[None]:
    """From up to down; when something fails between them, the services' own words come first."""
    try:
        services.up()
        yield
    except StepError:
        sys.stderr.write(services.logs(LOG_LINES) + "\n")
        raise
    finally:
        services.down()
    left = services.leftovers()
    if left:
        raise StepError(f"docker compose down left {', '.join(left)}")


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise StepError(f"this takes longer than {LIMIT_SECONDS} s: given up")
