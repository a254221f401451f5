"""The API's JSON as types: every value is exactly what the server sent (durations in seconds, sizes in bytes)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from typing_extensions import NotRequired

from packtrain.errors import Finding

LogStream = Literal["stdout", "stderr"]
ENDED = frozenset({"succeeded", "failed", "cancelled"})


class JobFields(TypedDict, total=False):
    """What `POST /jobs` takes; either `config` or `config_yaml`."""

    name: str
    kind: Literal["train", "export", "predict"]
    recipe: str
    source_job: str
    checkpoint: int
    depends_on: list[str]
    secrets: list[str]
    keep_checkpoints: int
    continuation: dict[str, Any]
    config: dict[str, Any]
    config_yaml: str
    datasets: list[str]
    resources: dict[str, str | int]
    priority: int
    held: bool
    tags: dict[str, str]


class Failure(TypedDict):
    """Why a job failed and what to do."""

    code: str
    message: str
    hint: str | None
    evidence: list[str]
    retry: NotRequired[dict[str, Any] | None]
    """A ready body for a retry: {} = the same again, None = something must be corrected first."""


class Job(TypedDict):
    """A job; only what the command line reads is named, the rest is there as well."""

    id: str
    name: str
    kind: str
    status: str
    status_reason: str | None
    owner: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    cluster: str
    slurm_job_id: int | None
    slurm_state: str | None
    slurm_reason: str | None
    attempt: int
    attempts: list["Attempt"]
    resources: dict[str, Any]
    recipe: str | None
    source_job: str | None
    depends_on: list[str]
    tags: dict[str, str]
    priority: int
    queue_position: int | None
    progress: "Progress"
    failure: Failure | None
    result: dict[str, Any] | None
    unreachable_since: str | None
    cancel_requested_at: str | None
    hold_requested_at: str | None


class Attempt(TypedDict):
    """One submission to Slurm."""

    number: int
    slurm_job_id: int | None
    started_at: str | None
    finished_at: str | None
    exit_code: int | None
    nodes: str | None
    ended_by: str | None
    resumed_step: int | None
    first_step: int | None
    last_step: int | None


class Progress(TypedDict):
    """How far a job is; `version` grows with every change that a reader can see."""

    job_id: str
    status: str
    version: int
    current_steps: int | None
    total_steps: int | None
    percentage: float | None
    epoch: float | None
    loss: float | None
    eval_loss: float | None
    learning_rate: float | None
    tokens_per_second: float | None
    elapsed_seconds: float | None
    eta_seconds: float | None
    eta_low_seconds: float | None
    eta_high_seconds: float | None
    expected_end_at: str | None
    expected_start_at: str | None
    queue_position: int | None
    stalled_since: str | None


class Event(TypedDict):
    """Something that happened to a job."""

    id: int
    at: str
    type: str
    message: str


@dataclass(frozen=True)
class LogText:
    """A piece of a log, and where in the file (bytes) the next one begins."""

    text: str
    next_offset: int


class Artifact(TypedDict):
    """A file in a job's output folder; `path` is relative to it."""

    path: str
    size_bytes: int
    modified_at: str


class Dataset(TypedDict):
    """A data set; what a check tells is null until one on a cluster is ready."""

    id: str
    name: str
    status: Literal["checking", "ready", "refused"]
    format: str | None
    purpose: str | None
    rows: int | None
    kept: int | None
    dropped: int | None
    size_bytes: int | None
    created_at: str
    cluster: str | None
    cluster_path: str | None
    check_job: str | None
    findings: list[dict[str, Any]] | None


class DatasetPlace(TypedDict):
    """A row of a data set, and the line on which it begins, both from 1."""

    row: int
    line: int
    detail: str


class DatasetProblem(TypedDict):
    """All rows with the same thing wrong; `places` are the first of them."""

    outcome: Literal["job_fails", "dropped", "kept"]
    message: str
    hint: str
    rows: int
    places: list[DatasetPlace]


class DatasetRepeats(TypedDict):
    """Rows whose texts an earlier row has; of a part of the rows where `one_in` is more than 1."""

    repeated: int
    compared: int
    one_in: int


class ScriptShare(TypedDict):
    """A script's share of the letters, from 0 to 1."""

    script: str
    share: float


class DatasetScripts(TypedDict):
    """In which scripts the rows that were looked at are written."""

    rows: int
    shares: list[ScriptShare]


class DatasetTruncation(TypedDict):
    """Rows longer than a cutoff_len, in characters or tokens."""

    cutoff_len: int
    unit: str
    rows_at_least: int
    rows_at_most: int


class DatasetReport(TypedDict):
    """What LLaMA-Factory would do with a data set; reports of the first release have neither repeats nor scripts."""

    rows: int
    kept: int
    dropped: int
    problems: list[DatasetProblem]
    unused_columns: list[str]
    repeats: DatasetRepeats | None
    scripts: DatasetScripts | None
    truncation: DatasetTruncation | None


class TextPiece(TypedDict):
    """Some of the text that a model reads in training; `trained` is what it learns to say."""

    text: str
    trained: bool
    read: bool


class PreviewRow(TypedDict):
    """A row of a data set, with a template also as the text that the model sees."""

    row: int
    line: int
    value: dict[str, Any]
    pieces: list[TextPiece] | None
    problem: str | None


class Preview(TypedDict):
    """The first rows of a data set."""

    format: str
    template: str | None
    rows: list[PreviewRow]


class GpuCount(TypedDict):
    """GPUs of usable nodes."""

    free: int
    total: int


class Partition(TypedDict):
    """A partition of Slurm; without a greatest time it is unlimited."""

    name: str
    is_default: bool
    state: str | None
    max_time_seconds: int | None
    nodes: int
    gpus: GpuCount


class Trouble(TypedDict):
    """A step that failed at one job, or as a whole, and is tried again."""

    job_id: str | None
    subject: str | None
    step: str
    error: str
    since: str
    failures: int
    next_try_at: str


class Cluster(TypedDict):
    """A cluster as last seen; `reachable` is null before a worker has tried."""

    name: str
    reachable: bool | None
    reached_at: str | None
    unreachable_since: str | None
    unreachable_reason: str | None
    slurm_version: str | None
    partitions: list[Partition]
    gpus: GpuCount
    models: list[str]
    datasets: list[str] | None
    jobs: dict[str, int]
    pending: int
    commands: dict[str, Any]
    troubles: list[Trouble]
    trouble_count: int


class Verdict(TypedDict):
    """What `POST /jobs/validate` says; nothing is stored."""

    valid: bool
    errors: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    notes: list[str]
    script: str | None
    config_yaml: str | None
    estimates: dict[str, Any] | None


def finding_of(entry: Mapping[str, Any]) -> Finding:
    """One entry of a problem's `errors`."""
    place = tuple(part if isinstance(part, int) else str(part) for part in entry.get("loc") or ())
    return Finding(place, str(entry.get("message", "")), str(entry["hint"]) if entry.get("hint") else None)
