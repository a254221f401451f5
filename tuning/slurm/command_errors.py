"""Slurm's commands' complaints as typed errors. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from tuning.errors import (
    ClusterError,
    RemoteDiskFull,
    ShapeRefused,
    SiteLimit,
    SiteState,
    SlurmUnavailable,
    SubmissionRefused,
    UnknownRefusal,
)
from tuning.slurm.refusals import RefusalClass, class_of

_NO_PATH = "put Slurm's programs on the PATH of the service account's login shell"
_TAR_ENDS = re.compile(r"tar: (Exiting with failure status|Error is not recoverable)")
_OF_THE_SITE = re.compile(r"Read-only file system|Stale file handle|Input/output error|Transport endpoint|not mounted")
_NO_PROGRAM = (126, 127)
_ERRORS: Mapping[RefusalClass, Callable[..., ClusterError] | None] = {
    RefusalClass.REFUSED: SubmissionRefused,
    RefusalClass.SHAPE: ShapeRefused,
    RefusalClass.UNHEARD: None,
    RefusalClass.DISK_FULL: RemoteDiskFull,
    RefusalClass.LIMIT: SiteLimit,
    RefusalClass.PARTITION: partial(SiteState, scope="partition"),
    RefusalClass.SITE: SiteState,
    RefusalClass.JOB: partial(SiteState, scope="job"),
    RefusalClass.UNKNOWN: partial(UnknownRefusal, scope="job"),
}
_PREFIX = re.compile(r"^(\w+: (error|fatal)|allocation failure): ")


def refusal_of(said: str, exit_status: int) -> ClusterError | None:
    """Error of an sbatch that ended with this status and these words and has certainly submitted nothing.

    None when it may have: its request was sent and no answer came (a slurmctld that was frozen for 7 s has queued and
    run the job after sbatch had given up), or sbatch itself was killed.
    """
    words = own_words(said) or f"sbatch ended with status {exit_status}"
    if exit_status in _NO_PROGRAM:
        return SlurmUnavailable(f"sbatch cannot be run on the login node: {words}", hint=_NO_PATH)
    if 128 < exit_status < 255:
        return None
    return _error(words, *class_of(said))


def slurm_trouble(stderr: bytes, what: str) -> SlurmUnavailable:
    """A command of Slurm's that gave no answer."""
    return SlurmUnavailable(f"{what} gave no answer: {own_words(stderr.decode('utf-8', 'replace')) or 'no words'}")


def unpacking_errors(said: str, folders: Sequence[str]) -> dict[str, str]:
    """tar's complaint of each of these folders that it could not write; nothing where it said more than that.

    `tar: jobs/JOB/1/job.sh: Cannot open: Permission denied`; of a parent that is missing each of its parts is told.
    """
    found: dict[str, str] = {}
    lines = (line.strip() for line in said.splitlines())
    for line in (line for line in lines if line.startswith("tar: ") and not _TAR_ENDS.match(line)):
        named = [folder for folder in folders if _is_of(line, folder)]
        if not named or _OF_THE_SITE.search(line):
            return {}
        for folder in named:
            found.setdefault(folder, line.removeprefix("tar: ")[:300])
    return found


def _is_of(line: str, folder: str) -> bool:
    """Whether it is of the folder, of what is in it, or of the job's folder around it."""
    job, of = folder.rpartition("/")[0], line.removeprefix("tar: ")
    return of.startswith((f"{folder}/", f"{folder}: ", f"{job}: "))


def own_words(said: str) -> str:
    """Slurm's words in one line, without the names of programs before each."""
    lines = [_PREFIX.sub("", line).strip() for line in said.splitlines()]
    return "; ".join(line for line in lines if line)[:1000]


def _error(words: str, refusal_class: RefusalClass, hint: str | None) -> ClusterError | None:
    make = _ERRORS[refusal_class]
    return make(words, hint=hint) if make is not None else None
