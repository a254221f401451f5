"""Actions on a job that its reader may take, as it stands now. Pure."""

from dataclasses import dataclass
from typing import Any, Self

from server.schemas.job import JobJson
from tuning.jobs.status import ENDED, JobStatus
from tuning.llamafactory.kinds import MADE_BY_THE_SERVER, SERVE

_TRAIN = "train"
_HELD_FROM = frozenset({JobStatus.QUEUED, JobStatus.SUBMITTING, JobStatus.PENDING})


@dataclass(frozen=True)
class Actions:
    """Buttons of the page."""

    cancel: bool = False
    cancel_saving: bool = False
    """A checkpoint is saved first."""
    hold: bool = False
    release: bool = False
    change: bool = False
    """Name, priority, tags."""
    delete: bool = False
    remove_checkpoints: bool = False
    retry: bool = False
    resume: bool = False
    """A retry that goes on from the newest checkpoint."""
    clone: bool = False
    use: bool = False
    """A prediction with the model that it left, or a training that goes on from it."""
    advice: dict[str, Any] | None = None
    """Body of the retry that is advised after a failure; {} = the same again."""

    @classmethod
    def of(cls, job: JobJson, *, may_change: bool, may_submit: bool, has_checkpoint: bool) -> Self:
        """Of a reader who may change this job, or at least make jobs of their own."""
        may_change = may_change and may_submit
        is_ended, is_going = job.status in ENDED, job.status not in ENDED and job.cancel_requested_at is None
        runs = job.status is JobStatus.RUNNING and job.kind == _TRAIN
        has_model = job.status is JobStatus.SUCCEEDED
        wishes_hold = job.hold_requested_at is not None
        return cls(
            cancel=may_change and not is_ended,
            cancel_saving=may_change and is_going and runs,
            hold=may_change and is_going and not wishes_hold and (runs or job.status in _HELD_FROM),
            release=may_change and (job.status is JobStatus.HELD or (is_going and wishes_hold)),
            change=may_change,
            delete=may_change and is_ended,
            remove_checkpoints=may_change and is_ended,
            retry=may_submit and is_ended and job.kind != SERVE,
            resume=may_submit and is_ended and job.kind == _TRAIN and has_checkpoint,
            clone=may_submit and job.kind not in MADE_BY_THE_SERVER,
            use=may_submit and is_ended and job.kind == _TRAIN and (has_checkpoint or has_model),
            advice=job.failure.retry if may_submit and is_ended and job.failure is not None else None,
        )
