"""What Slurm's commands print when they refuse, as typed errors. Pure.

The words are those of slurm_errno.c and of the file system in the C locale; recorded ones are in tests/transcripts.
"""

import re

from tuning.errors import ClusterError, RemoteDiskFull, SiteLimit, SlurmUnavailable, SubmissionRefused

_UNHEARD = re.compile(
    r"unable to contact slurm controller|timed out|zero bytes were transmitted|not responding|communication"
    r"|connection|in standby mode|unexpected message|transport endpoint|authentication|credential|munge"
    r"|message (send|receive) failure",
    re.IGNORECASE,
)
"""sbatch gave up waiting, or was cut off: slurmctld may have heard it, and may still act on it."""

_FULL = "free some space there, or ask for a larger quota"
_SEE_PARTITIONS = "what the partitions have: GET /api/v1/clusters, or `packtrain clusters show`"
_NO_PATH = "put Slurm's programs on the PATH of the service account's login shell"
_SEE_ACCOUNT = "ask the site what the service account may use"
_REFUSALS: tuple[tuple[str, type[ClusterError], str | None], ...] = (
    (r"(QOS|Assoc)\w*Submit\w*Limit|MaxSubmitJobs|MaxJobCount", SiteLimit, None),
    # The same sentence follows on a job that is too large or too long for its QOS: that one would wait for ever.
    (r"error: (QOS|Assoc)\w+$", SubmissionRefused, "ask for less, or for another QOS"),
    (r"job submit limit, user's size", SiteLimit, None),
    (r"temporarily unable to accept job|Resource temporarily unavailable", SiteLimit, None),
    (r"No space left on device|Disk quota exceeded|I/O error writing script", RemoteDiskFull, _FULL),
    (r"[Ii]nvalid (account|qos)|account/partition combination", SubmissionRefused, _SEE_ACCOUNT),
    (r"[Ii]nvalid feature", SubmissionRefused, "no node has this constraint"),
    (r"time limit is invalid", SubmissionRefused, "ask for less time, or for a partition that allows more"),
    (r"[Ii]nvalid partition|node configuration is not available", SubmissionRefused, _SEE_PARTITIONS),
    (r"More processors|Node count", SubmissionRefused, _SEE_PARTITIONS),
)
_NO_PROGRAM = (126, 127)
_PREFIX = re.compile(r"^(\w+: (error|fatal)|allocation failure): ")


def refusal_of(said: str, exit_status: int) -> ClusterError | None:
    """Why an sbatch that ended with this status and these words has certainly submitted nothing.

    None when it may have: its request was sent and no answer came (a slurmctld that was frozen for 7 s has queued and
    run the job after sbatch had given up), or sbatch itself was killed.
    """
    words = own_words(said)
    if exit_status in _NO_PROGRAM:
        return SlurmUnavailable(f"sbatch cannot be run on the login node: {words}", hint=_NO_PATH)
    if 128 < exit_status < 255:
        return None
    for pattern, make, hint in _REFUSALS:
        if re.search(pattern, said, re.MULTILINE):
            return make(words, hint=hint)
    return None if _UNHEARD.search(said) else SubmissionRefused(words or f"sbatch ended with status {exit_status}")


def slurm_trouble(stderr: bytes, what: str) -> SlurmUnavailable:
    """A command of Slurm's that gave no answer."""
    return SlurmUnavailable(f"{what} gave no answer: {own_words(stderr.decode('utf-8', 'replace')) or 'no words'}")


def own_words(said: str) -> str:
    """Slurm's words in one line, without the names of programs before each."""
    lines = [_PREFIX.sub("", line).strip() for line in said.splitlines()]
    return "; ".join(line for line in lines if line)[:1000]
