"""One Slurm cluster over one transport. What each method costs in remote commands is stated with it."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import BinaryIO

from tuning.errors import (
    CommandTimedOut,
    NotSent,
    RemoteFileError,
    Unreachable,
    UploadDamaged,
)
from tuning.llamafactory.model_files.described import ModelFiles
from tuning.settings import ClusterSettings
from tuning.slurm.answers import (
    ABANDONED,
    AccountedJob,
    Answer,
    AttemptLook,
    FileStat,
    NamedJob,
    Part,
    QueuedJob,
    parse_accounting,
    parse_looks,
    parse_paths,
    parse_queue,
    parse_slurm_job_id,
    parse_stats,
    parse_trial,
    split_parts,
    whole_parts,
)
from tuning.slurm.attempt_records import parse_owner
from tuning.slurm.command_errors import slurm_trouble
from tuning.slurm.inventory import Inventory, parse_inventory
from tuning.slurm.looks import Observation, ReadAnswer, ReadRequest, Trial
from tuning.slurm.model_reading import MOST_BYTES, parse_models
from tuning.slurm.programs import remote_scripts
from tuning.slurm.programs.model_programs import READ_MODELS
from tuning.slurm.programs.signal_program import SIGNAL
from tuning.slurm.programs.submit_program import SUBMIT
from tuning.slurm.programs.witness_programs import EXAMINE, OWN
from tuning.slurm.submissions import (
    Submission,
    SubmissionAnswer,
    archive,
    raise_if_not_begun,
    submission_answers,
    unwritable,
)
from tuning.slurm.witnesses import Examination, LookRequest, RootAnswer, RootSign
from tuning.ssh.transport import Transport

__all__ = [
    "AccountedJob",
    "AttemptLook",
    "Cluster",
    "Examination",
    "FileStat",
    "LookRequest",
    "NamedJob",
    "Observation",
    "QueuedJob",
    "ReadAnswer",
    "ReadRequest",
    "RootAnswer",
    "RootSign",
    "Submission",
    "SubmissionAnswer",
    "Trial",
]

MESSAGE_TIMEOUT_SECONDS = 10.0
"""How long sbatch itself waits for slurmctld by default (MessageTimeout in slurm.conf)."""
_SECONDS_PER_SUBMISSION = 1.0
_MOST_DIAGNOSIS = 4000
"""Characters of what a node says of a job."""


class Cluster:
    """Commands to one cluster; every method may raise a ClusterError of the transport's."""

    def __init__(self, settings: ClusterSettings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport

    def prepare(self) -> None:
        """Make our folders. 1 command. Raises RemoteFileError when they cannot be made."""
        done = self._run(remote_scripts.PREPARE, self._settings.root)
        if not done.parts:
            raise RemoteFileError(f"cannot make folders under {self._settings.root}: {done.complaint}")

    def log_in_anew(self) -> None:
        """End the connection: groups, limits and the shell are those of the login. The next command opens another."""
        self._transport.close()

    def submit(self, batch: Sequence[Submission]) -> list[SubmissionAnswer]:
        """Hand attempts to Slurm. 1 command, which gets their files on its stdin; 2 where a folder cannot be written.

        Raises only as long as no sbatch can have been started; from then on a connection that breaks leaves the
        attempts without an answer. The program begins no sbatch after its own limit, so that whoever waits for limit +
        MESSAGE_TIMEOUT_SECONDS knows that none is under way.
        """
        answer = self._hand_over(batch)
        if answer is None:
            return [SubmissionAnswer(each.token) for each in batch]
        raise_if_not_begun(self._settings.root, answer)
        refusals = unwritable(batch, answer)
        if not refusals:
            return submission_answers(batch, answer.parts)
        refused = [SubmissionAnswer(token, error=error) for token, error in refusals.items()]
        rest = [each for each in batch if each.token not in refusals]
        return [*refused, *self.submit(rest)] if rest else refused

    def _hand_over(self, batch: Sequence[Submission]) -> Answer | None:
        """None: the connection broke, and whatever was started is to be looked up."""
        packed, last = archive(batch)
        limit = MESSAGE_TIMEOUT_SECONDS + len(batch) * _SECONDS_PER_SUBMISSION
        jobs = [word for each in batch for word in (each.directory, each.job_name, each.comment)]
        data = " ".join(sorted({path for each in batch for path in each.data}))
        arguments = (self._settings.root, last, f"{limit:.0f}", data, *jobs)
        timeout_seconds = limit + 2 * MESSAGE_TIMEOUT_SECONDS
        try:
            return self._run(SUBMIT, *arguments, stdin=packed, timeout_seconds=timeout_seconds)
        except NotSent:
            raise  # of less than the whole archive nothing is started
        except (Unreachable, CommandTimedOut):
            return None

    def try_out(self, scripts: Sequence[str]) -> list[Trial]:
        """Ask Slurm of jobs that nobody submits, by scripts of #SBATCH lines. 1 command."""
        answer = self._run(remote_scripts.TRY_OUT, stdin="".join(f"{script}\0" for script in scripts).encode())
        found = [Trial() for _ in scripts]
        clock = 0.0
        for part in whole_parts(answer.parts):
            if part.words[0] == "clock":
                clock = float(part.words[1])
            elif part.words[0] == "answer":
                said = parse_trial(int(part.words[2]), part.content.decode("utf-8", "replace"))
                wait = max(0.0, said.start_epoch - clock) if said.start_epoch is not None else None
                found[int(part.words[1])] = Trial(wait, said.error)
        return found

    def look_up(self, job_names: Mapping[str, str], since_seconds: float) -> dict[str, list[int]]:
        """The Slurm ids of submissions, by token; `job_names` has the job name of each token. 1 command.

        Raises SlurmUnavailable when squeue gives no answer: then nothing is known. sacct is a second witness only.
        """
        names = ",".join(job_names.values()) if self._settings.accounting else ""
        answer = self._run(
            remote_scripts.LOOK_UP, self._settings.user, names, f"now-{max(1, round(since_seconds))}seconds"
        )
        queue = answer.complete("queue", "squeue")
        found: dict[str, list[int]] = {token: [] for token in job_names}
        for line in queue.content.decode("utf-8", "replace").split("\n"):
            slurm_job_id, _, comment = line.partition("\x1f")
            token = comment.rpartition(":")[2]
            if token in found and (number := parse_slurm_job_id(slurm_job_id)) is not None:
                found[token].append(number)
        for token, slurm_job_id_ in _accounted_names(answer, job_names):
            if slurm_job_id_ not in found[token]:
                found[token].append(slurm_job_id_)
        return found

    def abandon(self, directories: Sequence[str]) -> dict[str, bool]:
        """Take the claims of attempts away from jobs that have not started. 1 command.

        True: the attempt is ours, and no job can ever train it, not even one that Slurm gets to know of later. False: a
        job has the claim; it must be adopted. Missing: cannot tell.
        """
        listing = "".join(f"{each}\n" for each in directories)
        answer = self._run(remote_scripts.ABANDON, self._settings.root, stdin=listing.encode())
        return {
            part.content.decode().rstrip("\n"): part.words[1] == ABANDONED
            for part in whole_parts(answer.parts)
            if part.words[:1] == ("claim",) and len(part.words) == 2
        }

    def observe(self, files: Iterable[str], opened: Sequence[str] = ()) -> Observation:
        """The whole account's queue, and these files of ours. 1 command, however many there are.

        What is `opened` before (folders too) is then known as it is.
        """
        stdin = b"".join(path.encode() + b"\0" for path in (*opened, *files))
        arguments = (self._settings.root, self._settings.user, str(len(opened)))
        answer = self._run(remote_scripts.OBSERVE, *arguments, stdin=stdin)
        by_word = answer.by_word
        if "clock" not in by_word or "done" not in by_word:
            raise Unreachable(f"the login node's answer broke off: {answer.complaint}")
        has_queue = by_word["queue-end"].words[1] == "0"
        return Observation(
            queue=parse_queue(by_word["queue"].content) if has_queue else None,
            queue_error=None if has_queue else str(slurm_trouble(answer.completed.stderr, "squeue")),
            files=parse_stats(by_word["files"].content),
            clock_epoch=answer.clock_epoch(),
            refused=parse_paths(by_word["refused"].content),
            has_root="root" in by_word,
        )

    def read(self, requests: Sequence[ReadRequest]) -> ReadAnswer:
        """Ranges of files of ours, which are beneath the root and reached by no link. 1 command."""
        listing = "".join(f"{each.offset} {each.length} {each.path}\n" for each in requests)
        answer = self._run(remote_scripts.READ, self._settings.root, stdin=listing.encode())
        if "done" not in answer.by_word:
            raise Unreachable(f"the login node's answer broke off: {answer.complaint}")
        said = [(part.words[0], requests[int(part.words[1])].path, part.content) for part in whole_parts(answer.parts)]
        return ReadAnswer(
            contents={path: content for word, path, content in said if word == "part"},
            refused=frozenset(path for word, path, _ in said if word == "refused"),
        )

    def examine(
        self, slurm_job_ids: Sequence[int], since_seconds: float, requests: Sequence[LookRequest]
    ) -> Examination:
        """Accounting's word on jobs submitted in the last `since_seconds`, and a look at attempts. 1 command."""
        ids = ",".join(str(slurm_job_id) for slurm_job_id in slurm_job_ids)
        listing = "".join(
            f"{'take' if wanted.takes_claim else 'look'} {wanted.attempt_directory} {wanted.output_directory}\n"
            for wanted in requests
        )
        since = f"now-{max(1, round(since_seconds))}seconds"
        answer = self._run(EXAMINE, self._settings.root, since, ids, stdin=listing.encode())
        by_word = answer.by_word
        has_answered = "accounting-end" in by_word and by_word["accounting-end"].words[1:] == ("0",)
        accounted = parse_accounting(by_word["accounting"].content) if has_answered else {}
        return Examination(accounted, parse_looks(answer.parts, len(requests)))

    def cancel(self, jobs: Iterable[NamedJob]) -> None:
        """scancel; jobs that have ended or never were are no error. 1 command. Raises SlurmUnavailable."""
        self._signal(jobs)

    def cancel_waiting(self, jobs: Iterable[NamedJob]) -> None:
        """scancel of those that Slurm has not begun. 1 command. Raises SlurmUnavailable."""
        self._signal(jobs, "--state=PENDING")

    def inspect(self, slurm_job_id: int) -> str:
        """Usage of a running job by accounting and its first node: processes, memory, GPUs. 1 command."""
        answer = self._run(remote_scripts.INSPECT, str(slurm_job_id))
        said = answer.by_word.get("node", Part((), b"")).content.decode("utf-8", "replace")
        return "".join(each for each in said[:_MOST_DIAGNOSIS] if each.isprintable() or each == "\n").strip()

    def ask_to_stop(self, jobs: Iterable[NamedJob]) -> frozenset[str]:
        """Let trainings save a checkpoint and end. The names of those that were asked: Slurm has them. 1 command.

        Raises SlurmUnavailable.
        """
        # to the batch script alone: it tells the training (templates/sbatch/train.sh.j2)
        return self._signal(jobs, "--batch", "--signal=USR1")

    def remove(self, paths: Sequence[str]) -> list[str]:
        """Remove checkpoints, outputs, secrets and copies of data, by absolute paths; returns what is gone. 1 command.

        Nothing is removed through a link; what such a path names is no longer among our files, so it is gone.
        """
        answer = self._run(
            remote_scripts.REMOVE, self._settings.root, stdin="".join(f"{path}\n" for path in paths).encode()
        )
        gone = {part.content.decode().strip("\n") for part in answer.parts[:-1] if part.words == ("gone",)}
        return [path for path in paths if path in gone]

    def describe(self, sign: RootSign) -> tuple[RootAnswer, Inventory | None]:
        """Owner of the root, and the cluster's description where it is ours and sinfo answers. 1 command."""
        checkout = self._settings.llamafactory_checkout
        register = f"{checkout}/data/dataset_info.json" if checkout else ""
        models = list(dict.fromkeys(self._settings.models.values()))
        signed = (sign.installation, sign.last or sign.next, sign.next, sign.driver, sign.taken_over or sign.next)
        root, image = self._settings.root, self._settings.image
        answer = self._run(OWN + remote_scripts.INVENTORY, root, *signed, image, register, *models)
        by_word = answer.by_word
        owner = parse_owner(by_word.get("owner", Part((), b"")).content)
        has_nodes = by_word.get("nodes-end", Part((), b"")).content.strip() == b"0"
        trouble = None if has_nodes else str(slurm_trouble(answer.completed.stderr, "sinfo"))
        found = RootAnswer(owner, "ours" in by_word, "signed" in by_word, trouble)
        return found, parse_inventory(by_word, models) if found.is_ours and has_nodes else None

    def read_models(self, stamps: Mapping[str, str], markers: Sequence[str]) -> dict[str, ModelFiles]:
        """Files of models beside config.json, as far as they fit in one answer. 1 command."""
        paths, most = list(stamps), str(MOST_BYTES)
        answer = self._run(READ_MODELS, most, *paths, stdin="\n".join(markers).encode())
        return parse_models(whole_parts(answer.parts), stamps)

    def has_content(self, size_bytes: int, sha256: str, path: str) -> bool:
        """Whether a content lies whole at its path. 1 command, which reads the file. Raises RemoteFileError."""
        has = self._run(remote_scripts.HAS_CONTENT, self._settings.root, path, str(size_bytes), sha256)
        if "refused" in has.by_word:
            raise RemoteFileError(f"cannot put {path} in its place: {has.complaint}")
        return "there" in has.by_word

    def stage(self, content: BinaryIO, size_bytes: int, sha256: str, path: str) -> None:
        """Bring a content to its path, whole or not at all. 1 command when it is there, else 2 and an upload."""
        if self.has_content(size_bytes, sha256, path):
            return
        arriving = f"{self._settings.root}/incoming/{secrets.token_hex(12)}"
        self._transport.put(content, arriving, mode=0o600)
        settled = self._run(remote_scripts.SETTLE_FILE, self._settings.root, sha256, arriving, path)
        said = settled.by_word
        if "damaged" in said:
            raise UploadDamaged(f"{PurePosixPath(path).name} was damaged on its way to the cluster")
        if "done" not in said:
            raise RemoteFileError(f"cannot put {path} in its place: {settled.complaint}")

    def _signal(self, jobs: Iterable[NamedJob], *options: str) -> frozenset[str]:
        listing = "".join(f"{slurm_job_id} {name}\n" for slurm_job_id, name in jobs)
        answer = self._run(SIGNAL, self._settings.user, *options, stdin=listing.encode())
        done = answer.by_word.get("done")
        if done is None or b"Unable to contact" in answer.completed.stderr:
            raise slurm_trouble(answer.completed.stderr, "scancel")
        return frozenset(done.words[1:])

    def _run(self, program: str, *arguments: str, stdin: bytes = b"", timeout_seconds: float | None = None) -> Answer:
        boundary = secrets.token_hex(16)
        command = remote_scripts.command_line(program, boundary, *arguments)
        completed = self._transport.run(command, stdin=stdin, timeout_seconds=timeout_seconds)
        return Answer(split_parts(completed.stdout, boundary), completed)


def _accounted_names(answer: Answer, job_names: Mapping[str, str]) -> Iterable[tuple[str, int]]:
    tokens = {name: token for token, name in job_names.items()}
    content = answer.by_word.get("accounting", Part((), b"")).content
    for line in content.decode("utf-8", "replace").split("\n"):
        slurm_job_id, _, name = line.partition("|")
        if name in tokens and (number := parse_slurm_job_id(slurm_job_id)) is not None:
            yield tokens[name], number
