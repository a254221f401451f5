"""Carry-over from one attempt to the next: the place in the training log, and the end of the attempt before."""

import re
from collections.abc import Iterable

from sqlalchemy.orm import Session

from tuning.jobs.attempt.continuation import YIELDED, EndedAttempt, is_near_limit
from tuning.jobs.attempt.inputs import attempts_before
from tuning.jobs.models import Attempt, AttemptTexts, FilePosition
from tuning.jobs.output.growth import Position, save_position
from tuning.jobs.request.time_limit import parse_time_limit
from tuning.ssh.file_listing import OutputFile
from worker.observe.judgement import Ended
from worker.observe.stall import STALLED

_STATE = re.compile(r"checkpoint-([0-9]{1,10})/trainer_state\.json")
"""Written last: a checkpoint without it is not whole."""
_TRAINER_LOG = "trainer_log"
_WARNING, _LIMIT = r"signal=B:USR1@([0-9]{1,9})$", r"time=(\S+)$"


def carry_over(session: Session, job_id: str, number: int) -> None:
    """Read the training log, which is the job's, on from where the attempt before was read to.

    The attempt before need not have the number before: those that Slurm never had are gone.
    """
    earlier = session.scalars(attempts_before(job_id, number).limit(1)).first()
    if earlier is None:
        return
    row = session.get(FilePosition, (job_id, earlier.number, _TRAINER_LOG))
    if row is not None:
        position = Position(row.inode, row.size_bytes, row.offset_bytes, row.bad_lines)
        save_position(session, job_id, number, _TRAINER_LOG, position)


def ended_attempt(session: Session, attempt: Attempt, judgement: Ended, files: Iterable[OutputFile]) -> EndedAttempt:
    """An attempt that is over, as tuning.jobs.attempt.continuation sees it; its steps are unknown without a listing."""
    listed = list(files)
    record = judgement.exit_record
    before = session.scalars(attempts_before(attempt.job_id, attempt.number)).all()
    return EndedAttempt(
        number=attempt.number,
        count=len(before) + 1,
        slurm=judgement.word,
        exit_code=record.exit_code if record else None,
        was_stopped=bool(record and record.was_stopped),
        was_asked_by_us=attempt.stop_sent_at is not None,
        had_stalled=attempt.ended_by == STALLED,
        had_yielded=attempt.ended_by == YIELDED,
        resumed_step=attempt.resumed_step or 0,
        newest_step=max(_whole_steps(listed), default=0) if listed else None,
        earlier_node_faults=sum(earlier.ended_by == "node_fault" for earlier in before),
        was_near_limit=_was_near_limit(_script(session, attempt), attempt, judgement),
    )


def _script(session: Session, attempt: Attempt) -> str:
    texts = session.get(AttemptTexts, (attempt.job_id, attempt.number))
    return texts.script if texts is not None else ""


def _was_near_limit(script: str, attempt: Attempt, judgement: Ended) -> bool:
    """By what its script asked Slurm for."""
    warning, limit = (re.search(rf"^#SBATCH --{name}", script, re.MULTILINE) for name in (_WARNING, _LIMIT))
    if warning is None or limit is None or attempt.started_at is None:
        return True
    ran = (judgement.finished_at - attempt.started_at).total_seconds()
    return is_near_limit(ran, parse_time_limit(limit[1]), int(warning[1]))


def _whole_steps(files: Iterable[OutputFile]) -> set[int]:
    found = ((_STATE.fullmatch(file.path), file.size_bytes) for file in files)
    return {int(match[1]) for match, size in found if match and size}
