"""Submissions, and what the answer of the program that hands them to Slurm means for each. Pure."""

import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from tuning.errors import (
    AttemptUnwritable,
    ClusterError,
    CopiesGone,
    RemoteDiskFull,
    RemoteFileError,
    SiteState,
    SlurmUnavailable,
    UploadDamaged,
)
from tuning.slurm.answers import Answer, AttemptLook, Part, parse_submission, whole_parts
from tuning.slurm.command_errors import slurm_trouble, unpacking_errors

_EARLIER = ("claimed", "queued")


@dataclass(frozen=True)
class Submission:
    """One attempt to hand to Slurm."""

    token: str
    job_name: str
    comment: str
    """Holds the token: by it a submission without an answer is found again."""
    directory: str
    """Absolute; the files go there."""
    files: Mapping[str, bytes] = field(repr=False)
    data: tuple[str, ...] = ()
    """The copies of data sets that it needs, by paths under the root."""

    packed: bytes = field(init=False, repr=False, compare=False)
    """Entries of a tar archive: its files by their paths beneath the root. Made at once: what cannot be packed is no
    trouble of those that are sent with it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "packed", _packed(self.folder, self.files))

    @property
    def folder(self) -> str:
        """The directory beneath the root: jobs/JOB/N."""
        return "/".join(PurePosixPath(self.directory).parts[-3:])


@dataclass(frozen=True)
class SubmissionAnswer:
    """Outcome of a submission. Neither id nor error, though it was begun: unknown, to be looked up."""

    token: str
    slurm_job_id: int | None = None
    error: ClusterError | None = None
    was_begun: bool = True
    """False: nothing was done, since of this or another one of the batch an earlier submission was found."""
    is_earlier: bool = False
    """The id is that of an earlier submission of the same attempt; without an id, the attempt was given up then."""


def archive(batch: Sequence[Submission]) -> tuple[bytes, str]:
    """One tar of all files, by paths under the root, and the path of the last of them."""
    packed = b"".join(each.packed for each in batch)
    end = bytes(2 * tarfile.BLOCKSIZE)
    padding = bytes(-(len(packed) + len(end)) % tarfile.RECORDSIZE)
    return packed + end + padding, f"{batch[-1].folder}/{list(batch[-1].files)[-1]}"


def raise_if_not_begun(root: str, answer: Answer) -> None:
    """Raises CopiesGone or SiteState where the program ended before it handed anything to Slurm."""
    if gone := [part.words[2] for part in answer.parts if part.words[:1] == ("gone",)]:
        raise CopiesGone(gone)
    if any(part.words == ("away",) for part in answer.parts):
        raise SiteState(f"the folder {root} cannot be entered on the cluster: {answer.complaint}")


def unwritable(batch: Sequence[Submission], answer: Answer) -> dict[str, AttemptUnwritable]:
    """The attempts, by token, that were not unpacked while nothing is wrong with the others.

    Raises RemoteFileError, RemoteDiskFull, UploadDamaged or SlurmUnavailable where nothing could be handed over.
    """
    by_word = answer.by_word
    if "unasked" in by_word:
        raise slurm_trouble(answer.completed.stderr, "squeue")
    if "damaged" in by_word:
        raise UploadDamaged("the upload was damaged on its way to the cluster")
    failed = by_word.get("failed")
    if failed is None:
        return {}
    said = answer.complaint
    if "No space left" in said or "quota exceeded" in said:
        raise RemoteDiskFull(f"the cluster's disk is full: {said}")
    whole = answer.completed.stderr.decode("utf-8", "replace")
    found = unpacking_errors(whole, [each.folder for each in batch]) if failed.words[-1] == "writable" else {}
    if not found:
        raise RemoteFileError(f"the upload cannot be unpacked on the cluster: {said}")
    return {
        each.token: AttemptUnwritable(f"its folder on the cluster cannot be written: {found[each.folder]}")
        for each in batch
        if each.folder in found
    }


def submission_answers(batch: Sequence[Submission], parts: Sequence[Part]) -> list[SubmissionAnswer]:
    """Outcomes of a batch, by the parts that are certainly whole: of an id cut off, the rest is another job's."""
    whole = whole_parts(parts)
    if any(part.words[0] in _EARLIER for part in whole):
        return _earlier(batch, whole)
    answers = {submission.token: SubmissionAnswer(submission.token) for submission in batch}
    said = {part.words[1]: part.content.decode("utf-8", "replace") for part in whole if part.words[0] == "sbatch"}
    for word, number, *status in (part.words for part in whole):
        token = batch[int(number)].token
        if word == "exit":
            submitted = parse_submission(int(status[0]), said[number])
            answers[token] = SubmissionAnswer(token, submitted.slurm_job_id, submitted.error)
        elif word == "late":
            error = SlurmUnavailable("sbatch was too slow for this batch: the rest of it comes with the next")
            answers[token] = SubmissionAnswer(token, error=error)
    return list(answers.values())


def _earlier(batch: Sequence[Submission], parts: Sequence[Part]) -> list[SubmissionAnswer]:
    """Of whom an earlier submission was found; whoever has the claim counts, else the first that Slurm has."""
    claims = {int(part.words[1]): "".join(part.words[2:3]) for part in parts if part.words[0] == "claimed"}
    queued: dict[int, int] = {}
    for part in parts:
        if part.words[0] == "queued" and part.words[2].isdecimal():
            number, slurm_job_id = int(part.words[1]), int(part.words[2])
            queued[number] = min(slurm_job_id, queued.get(number, slurm_job_id))
    owners = {number: AttemptLook(claim).owner for number, claim in claims.items()}
    found = {**queued, **owners}
    return [
        SubmissionAnswer(submission.token, found.get(number), was_begun=False, is_earlier=number in found)
        for number, submission in enumerate(batch)
    ]


def _packed(folder: str, files: Mapping[str, bytes]) -> bytes:
    return b"".join(_entry(f"{folder}/{path}", content) for path, content in files.items())


def _entry(name: str, content: bytes) -> bytes:
    """Header and content. By hand: a TarFile takes twice the time, and whoever submitted waits for it."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    padding = bytes(-len(content) % tarfile.BLOCKSIZE)
    return entry.tobuf(tarfile.PAX_FORMAT) + content + padding
