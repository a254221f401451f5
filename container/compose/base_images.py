"""The public images that ours are built on: pulled, or stood in for by Debian trees where no registry is reachable."""

import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from container import cache, debian
from container.compose.engine import Engine
from container.steps import StepError, say, step

HERE = Path(__file__).parent
LABEL = "packtrain.stand-in"


@dataclass(frozen=True)
class BaseImage:
    """A public image, and the tree that does its part here."""

    name: str
    suite: str
    packages: tuple[str, ...]
    options: tuple[str, ...] = ()
    """Further options of mmdebstrap."""
    changes: tuple[str, ...] = ()
    """Instructions of a Dockerfile, as `docker import` takes them."""
    entrypoint: Path | None = None
    """A program that is put where these images have theirs."""

    def digest(self) -> str:
        """Hash of the suite, packages, options, changes and entrypoint of the stand-in, for its label."""
        parts = [self.suite, *self.packages, *self.options, *self.changes]
        return cache.digest([*parts, self.entrypoint] if self.entrypoint else parts)


BASE_IMAGES = (
    BaseImage("python:3.11.14-slim-bookworm", "bookworm", ("python3", "python3-venv", "ca-certificates")),
    BaseImage("debian:trixie", "trixie", ("ca-certificates",)),
    BaseImage(
        "postgres:17.7",
        "trixie",
        ("postgresql-17",),
        (
            "--essential-hook=install -d $1/etc/postgresql-common",
            "--essential-hook=echo create_main_cluster=false >$1/etc/postgresql-common/createcluster.conf",
        ),
        (
            "ENV PATH=/usr/local/bin:/usr/lib/postgresql/17/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "ENV PGDATA=/var/lib/postgresql/data",
            "VOLUME /var/lib/postgresql/data",
            "STOPSIGNAL SIGINT",
            'ENTRYPOINT ["docker-entrypoint.sh"]',
        ),
        HERE / "postgres-entrypoint.sh",
    ),
)


def provide(engine: Engine) -> list[str]:
    """See to it that the engine has every base image; returns the names of the stand-ins that were put there now."""
    missing = [image for image in BASE_IMAGES if not _is_there(engine, image)]
    if not missing:
        return []
    if _pull(engine, missing):
        return []
    say("no image registry is reachable: Debian trees stand in for the base images")
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda image: _stand_in(engine, image), missing))
    return [image.name for image in missing]


def _is_there(engine: Engine, image: BaseImage) -> bool:
    """Pulled once, or a stand-in of this very making."""
    if not engine.succeeds("image", "inspect", image.name):
        return False
    label = engine.answer("image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', image.name)
    return label.strip() in ("", image.digest())


def _pull(engine: Engine, images: list[BaseImage]) -> bool:
    """The first failure is the answer for all."""
    with step("pulling the base images"):
        return all(engine.succeeds("pull", "--quiet", image.name) for image in images)


def _stand_in(engine: Engine, image: BaseImage) -> None:
    log = cache.cache_root() / f"base-{image.name.replace(':', '-')}.log"
    log.unlink(missing_ok=True)
    with step(f"making {image.name}"), tempfile.TemporaryDirectory(dir=cache.cache_root(), prefix="base-") as name:
        tree = Path(name, "tree")
        debian.bootstrap(image.suite, tree, image.packages, log, "--variant=minbase", *image.options)
        if image.entrypoint:
            shutil.copy(image.entrypoint, tree / "usr/local/bin/docker-entrypoint.sh")
        _import(engine, image, tree)


def _import(engine: Engine, image: BaseImage, tree: Path) -> None:
    changes = [part for change in (*image.changes, f"LABEL {LABEL}={image.digest()}") for part in ("--change", change)]
    with subprocess.Popen(["tar", "--create", "--directory", str(tree), "."], stdout=subprocess.PIPE) as tar:
        done = subprocess.run(
            engine.command("import", *changes, "-", image.name),
            stdin=tar.stdout,
            capture_output=True,
            text=True,
            check=False,
        )
    if tar.returncode != 0 or done.returncode != 0:
        raise StepError(f"importing {image.name} failed: {done.stderr.strip()}")
