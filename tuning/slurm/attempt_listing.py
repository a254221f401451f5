"""Listing of all attempts' folders in a root: which there are, since when, and who has the claim of each.

Only what the batch script and the worker make is looked at: no name that a run can make is read, and no link followed.
"""

import re
import secrets
from dataclasses import dataclass

from tuning.errors import Unreachable
from tuning.moments import moment
from tuning.slurm.answers import split_parts
from tuning.slurm.programs.remote_scripts import command_line
from tuning.ssh.transport import Transport

MAX_LISTING_BYTES = 64 * 1024 * 1024
"""Some 400,000 attempts."""
_TIMEOUT_SECONDS = 300.0
# A job's folder holds numbered folders of attempts, and the output, which a run writes: that is not gone into.
_LIST = rf"""
cd -P -- "$2" || exit 74
printf '\n%s attempts\n' "$1"
[ ! -d jobs ] || [ -L jobs ] || find -P jobs -mindepth 1 -maxdepth 3 -regextype posix-extended \
  \( -regex 'jobs/job_[0-9a-z]+(/[1-9][0-9]*)?' -type d -o -regex 'jobs/[^/]*/[^/]*/(claim|job\.sh)' -o -prune \) \
  -regex 'jobs/job_[0-9a-z]+/[1-9][0-9]*(/(claim|job\.sh))?' -printf '%y %C@ %P %l\0' | head -c {MAX_LISTING_BYTES}
printf '\n%s done\n' "$1"
"""
_ENTRY = re.compile(
    r"(?P<kind>[dfl]) (?P<changed>[0-9]{1,12}(\.[0-9]{1,12})?) "
    r"(?P<job>job_[0-9a-z]{1,28})/(?P<number>[1-9][0-9]{0,8})(/(?P<name>claim|job\.sh))? (?P<target>[A-Za-z0-9]{0,20})"
)


@dataclass(frozen=True)
class ListedAttempt:
    """Folder of one attempt."""

    job_id: str
    number: int
    written_epoch: float | None = None
    """Time at which its script came there, by the file system's clock; None = it has none."""
    claim: str = ""
    """A Slurm job's number, `abandoned`, or "" = nobody has it."""


def list_attempts(transport: Transport, root: str) -> list[ListedAttempt]:
    """Every attempt that has a folder. 1 command, which reads each folder of a job once. Raises ClusterError."""
    boundary = secrets.token_hex(16)
    completed = transport.run(command_line(_LIST, boundary, root), timeout_seconds=_TIMEOUT_SECONDS)
    by_word = {part.words[0]: part.content for part in split_parts(completed.stdout, boundary) if part.words}
    if "done" not in by_word:
        said = completed.stderr.decode("utf-8", "replace").strip()[:300]
        raise Unreachable(f"the folders of jobs beneath {root} cannot be listed: {said or 'the answer broke off'}")
    return parse_listing(by_word.get("attempts", b""))


def parse_listing(content: bytes) -> list[ListedAttempt]:
    """NUL-ended entries of kind, time of change, path and target of a link; those of another form are left out."""
    folders: set[tuple[str, int]] = set()
    written: dict[tuple[str, int], float] = {}
    claims: dict[tuple[str, int], str] = {}
    for entry in content.split(b"\0")[:-1]:
        found = _ENTRY.fullmatch(entry.decode("utf-8", "replace").lstrip("\n"))
        if found is None:
            continue
        key, changed = (found["job"], int(found["number"])), float(found["changed"])
        if found["kind"] == "d" and found["name"] is None:
            folders.add(key)
        elif found["kind"] == "l" and found["name"] == "claim":
            claims[key] = found["target"]
        elif found["kind"] == "f" and found["name"] == "job.sh" and moment(changed) is not None:
            written[key] = changed
    return [ListedAttempt(*key, written.get(key), claims.get(key, "")) for key in sorted(folders)]
