"""Check of the training image's packages against the versions it should have, on the login node."""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata

from ops.doctor.check import Answer
from ops.doctor.container_command import after_prelude
from tuning.errors import NotFound
from tuning.settings import ClusterSettings

_SCRIPT = """
import importlib.metadata as metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        found[name] = None
print("packtrain:" + json.dumps(found))
"""
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)\s*(==\s*[^;\s]+)?[^;]*;.*extra == ['\"]train['\"]")


@dataclass(frozen=True)
class Package:
    """One package of the image: the version wanted (None = any) and the one found (None = it is missing)."""

    name: str
    wanted: str | None
    found: str | None

    @property
    def fits(self) -> bool:
        """Whether it is there in the version that is wanted; `0.50.*` takes any 0.50."""
        if self.found is None or self.wanted is None:
            return self.found is not None
        public = self.found.partition("+")[0]  # 2.13.0+cpu is a build of 2.13.0
        if self.wanted.endswith(".*"):
            return f"{public}.".startswith(self.wanted[:-1])
        return public == self.wanted


def installed_requirements() -> list[str]:
    """Requirements of the installed packtrain, its extras included. Raises NotFound where it is not installed."""
    try:
        return metadata.requires("packtrain") or []
    except metadata.PackageNotFoundError as error:
        hint = "pip install --editable . (make does it)"
        raise NotFound("packtrain is not installed, so the versions to expect are not known", hint=hint) from error


def wanted_packages(requirements: Iterable[str]) -> dict[str, str | None]:
    """The packages of the extra `train` and their pinned versions, from a distribution's metadata."""
    found = (_REQUIREMENT.match(requirement) for requirement in requirements)
    return {match[1]: (match[2] or "").removeprefix("==").strip() or None for match in found if match}


def preflight_script(cluster: ClusterSettings, names: Iterable[str]) -> str:
    """A shell script that prints the versions of the image's packages and what `llamafactory-cli` says in it."""
    inside = shlex.join([cluster.container_command, "exec", cluster.image])
    versions = shlex.join(["python3", "-c", _SCRIPT, *names])
    return after_prelude(cluster, f"{inside} {versions} && {inside} llamafactory-cli version")


def packages(answer: Answer, wanted: Mapping[str, str | None]) -> list[Package] | None:
    """The wanted packages with their versions in the image; None when the image could not be asked."""
    line = next((line for line in answer.stdout.splitlines() if line.startswith("packtrain:")), None)
    if line is None:
        return None
    found = json.loads(line.removeprefix("packtrain:"))
    return [Package(name, version, found.get(name)) for name, version in wanted.items()]
