"""Orders of an attack: paths, job ids and marks, from a variable; and the registry of attacks."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

VARIABLE = "ESCAPE_ORDERS_KEY"
"""By its ending a key: another name cannot be a secret's."""


@dataclass(frozen=True)
class Orders:
    """All that an attacker may have learned beforehand."""

    root: str
    home: str
    job: str
    others: tuple[str, ...]
    """Ids of other people's jobs."""
    slurm_jobs: tuple[str, ...]
    tools: str
    """A folder with Slurm's and Apptainer's programs and libraries, as an attacker would bring them along."""
    values: tuple[str, ...] = ()
    """Names of the attacker's own secrets, of which the digest is told."""
    only: tuple[str, ...] = ()
    """The attacks to try; none means all."""

    @property
    def folder(self) -> Path:
        """The attacker's own job."""
        return Path(self.root, "jobs", self.job)

    @property
    def attempt(self) -> Path:
        """The first attempt of the attacker's own job."""
        return self.folder / "1"

    @property
    def output(self) -> Path:
        """The one folder that the attacker may fill."""
        return self.folder / "output"

    def mark(self, attack: str) -> str:
        """A text that is looked for on the host when all is over."""
        return f"escaped.{self.job}.{attack}"

    def text(self) -> str:
        """As the variable's value: no character that any shell minds."""
        return base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()


def read_orders() -> Orders:
    """The orders of this process."""
    fields: dict[str, Any] = json.loads(base64.urlsafe_b64decode(os.environ[VARIABLE]))
    return Orders(**(fields | {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}))


Attack = Callable[[Orders], Iterator[str]]
"""Yields evidence: canaries read, or changes made, that no run may read or make."""

REGISTRY: dict[str, Attack] = {}
"""Attacks of the modules that are imported."""


def attack(function: Attack) -> Attack:
    """Register an attack under its function's name."""
    REGISTRY[function.__name__] = function
    return function
