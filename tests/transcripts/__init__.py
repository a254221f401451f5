"""What real Slurms answered, kept for the tests of the parsers. README.md says how; record.py makes them anew.

transcript = read("slurm-24.11", "squeue-running")
"""

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
VERSIONS = ("slurm-24.11", "slurm-22.05")
_FORM = re.compile(
    r"\$ (?P<command>.*?)\n--- exit (?P<exit>\d+)\n--- stdout\n(?P<stdout>.*)--- stderr\n(?P<stderr>.*)", re.DOTALL
)


@dataclass(frozen=True)
class Transcript:
    """One command, run by a login shell of the service account, and all that came back."""

    command: str
    exit_status: int
    stdout: str
    stderr: str

    def text(self) -> str:
        """The form of the files: the streams as they came, so a missing last newline shows as such."""
        head = f"$ {self.command}\n--- exit {self.exit_status}\n"
        return f"{head}--- stdout\n{self.stdout}--- stderr\n{self.stderr}"


def names(version: str) -> list[str]:
    """Every transcript of one version."""
    return sorted(path.stem for path in (HERE / version).glob("*.txt"))


def read(version: str, name: str) -> Transcript:
    """One transcript."""
    found = _FORM.fullmatch((HERE / version / f"{name}.txt").read_bytes().decode())
    if found is None:
        raise ValueError(f"not a transcript: {version}/{name}")
    return Transcript(found["command"], int(found["exit"]), found["stdout"], found["stderr"])
