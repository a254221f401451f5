"""The page that a whole run leaves: docs/benchmarks.md; what was simulated stays on it as it was."""

import os
import platform
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Self

from container import lab
from tests.bench.report.table import Row, as_markdown

PACKAGES = ("fastapi", "uvicorn", "sqlalchemy", "psycopg", "pydantic", "paramiko")
SIMULATED = "The order of the queue"
TEXT = """\
# Benchmarks

Written by `make bench` on {date}, in {minutes:.0f} minutes. Do not edit: the next run writes it anew,
but for "The order of the queue", which is from `packtrain simulate`.

    make bench                                       # all of it, and this page
    .venv/bin/python -m tests.bench --quick          # a look, under three minutes
    .venv/bin/python -m tests.bench {names}

Every number is a ratio of one run on one machine: what packtrain does and what it is beside take turns, the ratio is
that of the medians, the spread is the middle half of the pairs' own ratios unless the row says otherwise. Times by
themselves say more about the machine than about packtrain.

{table}
{notes}

{kept}
## The machine

{processors} processors, {memory:.0f} GB; load average {load_before:.1f} when the run began, {load_after:.1f} at its end
(which its own 200 running jobs are part of). {system}, Python {python}, SQLite {sqlite}, PostgreSQL {postgresql},
{slurm}, {apptainer}, {packages}. packtrain at {commit}.
"""


@dataclass(frozen=True)
class Began:
    """The moment at which the run began, and how busy the machine was with other things."""

    at: float
    load: float

    @classmethod
    def now(cls) -> Self:
        """This moment."""
        return cls(time.time(), os.getloadavg()[0])


def write_page(page: Path, rows: Sequence[Row], cluster: lab.Lab, began: Began, names: Sequence[str]) -> None:
    """Table, remarks, versions, and how to do it again."""
    notes = dict.fromkeys(row.note for row in rows if row.note)
    text = TEXT.format(
        date=datetime.now(UTC).date().isoformat(),
        minutes=(time.time() - began.at) / 60,
        names=" ".join(f"[{name}]" for name in names),
        table=as_markdown(rows),
        notes="\n".join(f"* {note}" for note in notes),
        kept=section(page.read_text(encoding="utf-8"), SIMULATED) if page.exists() else "",
        processors=os.cpu_count(),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
        load_before=began.load,
        load_after=os.getloadavg()[0],
        system=platform.freedesktop_os_release()["PRETTY_NAME"],
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        postgresql=_postgresql(),
        slurm=cluster.run("sinfo", "--version").strip(),
        apptainer=cluster.run("apptainer", "--version").strip(),
        packages=", ".join(f"{name} {version(name)}" for name in PACKAGES),
        commit=_printed("git", "describe", "--always", "--dirty"),
    )
    page.write_text(text, encoding="utf-8")


def section(page: str, heading: str) -> str:
    """A section of a page, from its heading to the next; empty, where there is none."""
    _, found, rest = page.partition(f"## {heading}\n")
    body, _, _ = rest.partition("\n## ")
    return f"{found}{body.rstrip()}\n" if found else ""


def _postgresql() -> str:
    """The newest of Debian's packages, as the tests take it."""
    installed = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(installed, key=lambda path: int(path.parts[-3]))
    return _printed(str(newest), "--version").split()[2]


def _printed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
