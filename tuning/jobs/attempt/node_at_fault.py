"""Node at fault in a failure: the only one of the run, or the only one that the evidence names. Pure."""

import re
from collections.abc import Sequence

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_BLAMED = re.compile(
    r"failed on node ([A-Za-z0-9][\w.-]*)|Node failure on ([A-Za-z0-9][\w.-]*)"
    r"|^srun: error: ([A-Za-z0-9][\w.-]*): tasks? [\d,-]+: Exited with exit code"
)
"""How srun names one: what it ended afterwards on the others is `Terminated`."""


def node_at_fault(nodes: str | None, evidence: Sequence[str]) -> str | None:
    """The node's name; None where several may be it. `nodes` is Slurm's list of the attempt's nodes."""
    if nodes and _NAME.fullmatch(nodes):
        return nodes
    blamed = {next(filter(None, found.groups())) for line in evidence if (found := _BLAMED.search(line))}
    return blamed.pop() if len(blamed) == 1 else None
