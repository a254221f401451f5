"""docker-compose.yml under a name of its own: brought up, asked, taken down with everything that it made."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from container import cache
from container.compose.engine import TOP, Engine
from container.steps import StepError, say, step

NAME = "packtrain-test"
IMAGE, LAB_IMAGE = f"{NAME}-server", f"{NAME}-lab"
WITH_WHEELS = ("migrate", "server", "worker")
WAIT_SECONDS = 180
LOG = "compose.log"
# How docker lists what compose makes.
LISTS = {"container": ("ps", "--all"), "volume": ("volume", "ls"), "network": ("network", "ls")}


@dataclass(frozen=True)
class Project:
    """One instance of docker-compose.yml with the profile lab, on a folder made by container.compose.prepare."""

    engine: Engine
    folder: Path

    def build(self) -> None:
        """Build the images of the server and of the lab."""
        with step("building the images"):
            self._compose("build")

    def up(self) -> None:
        """Start everything and wait until it is healthy."""
        with step("starting the services"):
            self._compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", str(WAIT_SECONDS))

    def down(self) -> None:
        """End the services; their volumes and their network go too."""
        with step("taking everything down"):
            self._compose("down", "--volumes", "--remove-orphans", "--timeout", "20")

    def packtrain(self, *arguments: str) -> str:
        """Output of the packtrain command line, run beside the server in its container."""
        return self.engine.answer(*self._arguments("exec", "-T", "server", "packtrain", *arguments))

    def logs(self, lines: int) -> str:
        """The ends of what the services said."""
        return self.engine.answer(*self._arguments("logs", "--no-color", "--tail", str(lines)))

    def leftovers(self) -> list[str]:
        """Containers, volumes and networks that the engine still has of this project: none, once it is down."""
        mine = f"label=com.docker.compose.project={NAME}"
        found = {kind: self.engine.answer(*ls, "--quiet", "--filter", mine).split() for kind, ls in LISTS.items()}
        return [f"{kind} {one}" for kind, names in found.items() for one in names]

    def remove_images(self, others: Sequence[str]) -> None:
        """Take the images that were built, and others that were put there, from an engine that is not ours."""
        for name in (IMAGE, LAB_IMAGE, *others):
            if not self.engine.succeeds("image", "rm", name):
                say(f"the image {name} could not be removed; `docker image rm {name}` says why")

    def _compose(self, *arguments: str) -> None:
        try:
            self.engine.run_logged(cache.cache_root() / LOG, *self._arguments(*arguments))
        except StepError as error:
            raise StepError(f"docker compose {arguments[0]}: {error}") from error

    def _arguments(self, *arguments: str) -> list[str]:
        files = ["--file", str(TOP / "docker-compose.yml"), "--file", str(self.folder / "changes.json")]
        place = ["--project-directory", str(TOP), "--project-name", NAME, "--env-file", str(self.folder / "env")]
        return ["compose", *place, *files, "--profile", "lab", "--progress", "plain", *arguments]


def create(engine: Engine, folder: Path, wheels: Path, port: int) -> Project:
    """A project whose server is published on a port of the loopback; `wheels` are those of requirements.lock."""
    (cache.cache_root() / LOG).unlink(missing_ok=True)
    settings = {
        "PACKTRAIN_CONFIG_DIR": folder,
        "PACKTRAIN_PORT": port,
        "PACKTRAIN_IMAGE": IMAGE,
        "PACKTRAIN_LAB_IMAGE": LAB_IMAGE,
    }
    lines = (f"{name}={value}\n" for name, value in settings.items())
    (folder / "env").write_text("".join(lines), encoding="utf-8")
    (folder / "changes.json").write_text(json.dumps(changes(wheels)), encoding="utf-8")
    return Project(engine, folder)


def changes(wheels: Path) -> dict[str, object]:
    """Overrides of docker-compose.yml: the sources from which the builds get their packages.

    The server's come from a folder, without any network. The lab's come from the machine's own mirror by the machine's
    own network: an engine of ours gives its containers no other way out.
    """
    from_folder = {"build": {"network": "none", "additional_contexts": {"wheelhouse": str(wheels)}}}
    return {"services": {**dict.fromkeys(WITH_WHEELS, from_folder), "lab": {"build": {"network": "host"}}}}
