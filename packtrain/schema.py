"""The API's JSON as types: every value is what the server sends.

Durations are in seconds, sizes in bytes, times in UTC (ISO 8601).
Written by `make types` from the OpenAPI document of the server.
"""

from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

DatasetStatus = Literal["checking", "ready", "refused"]
"""An upload is ready at once; what lies on a cluster is looked at there first."""
JobStatus = Literal["held", "queued", "submitting", "pending", "running", "succeeded", "failed", "cancelled"]
"""Status of a job in packtrain. Slurm's own state is another column."""
Outcome = Literal["job_fails", "dropped", "kept"]
"""LLaMA-Factory's treatment of a row that has a problem."""
ProblemCode = Literal[
    "bad_request",
    "not_authenticated",
    "not_allowed",
    "not_found",
    "method_not_allowed",
    "request_timeout",
    "conflict",
    "too_large",
    "query_too_long",
    "unsupported_media_type",
    "range_not_satisfiable",
    "invalid",
    "too_many_requests",
    "server_failed",
    "cluster_failed",
    "unavailable",
    "database_unavailable",
    "cluster_unavailable",
    "storage_full",
]
"""Kinds of refusals and failures: a closed list for programs, whose words for people may change."""
Reason = Literal[
    "broken_json",
    "not_utf8",
    "too_long",
    "too_deep",
    "lone_surrogate",
    "duplicate_key",
    "not_an_object",
    "type_changes",
    "late_column",
    "all_dates",
    "wrong_type",
    "bad_history",
    "no_messages",
    "null_content",
    "bad_function_call",
    "bad_tools",
    "bad_answer_role",
    "broken_kto",
    "no_answer",
    "no_pair",
    "no_tag",
    "empty_messages",
    "no_role",
    "unknown_role",
    "roles_out_of_order",
    "ends_with_user",
    "ends_with_assistant",
    "empty_prompt",
    "empty_answer",
    "empty_text",
    "same_answers",
    "asking_answer",
    "praised_nothing",
    "unused_tool_calls",
    "unused_weight",
    "unused_media",
    "unused_tag",
    "template_decides",
]
"""Problem for which a row is counted in the report."""
Scope = Literal["read", "submit", "admin"]
"""One word; the order of the words is the order of their reach."""


class Artifact(TypedDict):
    """A file that a run left in its output folder."""

    path: str
    """Relative to the output folder."""
    kind: Literal[
        "weights",
        "adapter",
        "config",
        "tokenizer",
        "results",
        "plot",
        "log",
        "state",
        "checkpoint",
        "document",
        "other",
    ]
    description: str
    size_bytes: int
    modified_at: str
    url: str


class Artifacts(TypedDict):
    """All files of a job."""

    data: list["Artifact"]
    total_bytes: int


class Attempt(TypedDict):
    """One submission to Slurm."""

    number: int
    slurm_job_id: int | None
    slurm_state: str | None
    submitted_at: str | None
    started_at: str | None
    finished_at: str | None
    exit_code: int | None
    nodes: str | None
    ended_by: str | None
    """succeeded, failed, cancelled, held; or what the job went on after: timeout, preempted, node_fail, stalled,
    interrupted (by a signal that nobody here sent), released.
    """
    resumed_step: int | None
    """The checkpoint that it went on from; 0 = from the start."""
    first_step: int | None
    last_step: int | None


class Bin(TypedDict):
    """Rows of a length that is at most `up_to`, and more than the `up_to` of the bin before."""

    up_to: int
    rows: int


class Cancellation(TypedDict, total=False):
    """The body of `POST /jobs/{id}/cancel`."""

    save: bool
    """Let a running training save a checkpoint first."""


class Checkpoint(TypedDict):
    """The model as it was after a step: to use it (source_job with checkpoint), or to go on from."""

    step: int
    path: str
    """Of its files among the artifacts."""
    size_bytes: int
    files: int
    modified_at: str
    is_being_removed: bool


class Checkpoints(TypedDict):
    """All checkpoints of a job, the oldest first."""

    data: list["Checkpoint"]
    total_bytes: int


class Cluster(TypedDict):
    """A cluster as last seen; nothing is asked of it for this."""

    name: str
    reachable: bool | None
    """False too while no worker drives the cluster; null before a worker has tried."""
    reached_at: str | None
    """End of the last cycle of a worker in which the cluster answered."""
    unreachable_since: str | None
    """Since when the cluster does not answer, or since when no worker asks it."""
    unreachable_reason: str | None
    """Which of both, in words."""
    unattended_since: NotRequired[str | None]
    """Since when no worker drives it; null while one does, or before the first."""
    described_at: str | None
    """The time at which partitions, nodes and GPUs were last seen."""
    slurm_version: str | None
    partitions: list["Partition"]
    nodes: list["Node"]
    gpus: "GpuCount"
    models: list[str]
    """Names to give as model_name_or_path."""
    datasets: list[str] | None
    """Names to give as config.dataset; null = not known."""
    jobs: dict[str, int]
    """packtrain's jobs that have not ended, by status."""
    pending: int
    """Of these, how many wait: here or in Slurm's queue."""
    commands: dict[str, Any]
    """The budget on the login node that was used, as the worker counts it."""
    troubles: list["Trouble"]
    """Failures of steps: the newest 20."""
    trouble_count: int
    """The number of all of them."""


class ClusterPage(TypedDict):
    """ClusterPage of the API."""

    data: list["Cluster"]
    has_more: bool
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class Continuation(TypedDict, total=False):
    """Automatic continuation of a cut-off run, from its newest whole checkpoint: after which ends, how often."""

    max_attempts: int
    on: list[Literal["timeout", "preempted", "node_fail"]]


class Dataset(TypedDict):
    """A data set; what is in it is told by its report. Until it is ready, what only a check can tell is null."""

    id: str
    object: NotRequired[Literal["dataset"]]
    name: str
    owner: str
    status: "DatasetStatus"
    """An upload is ready at once; data on a cluster is checked there first."""
    format: Literal["alpaca", "sharegpt"] | None
    purpose: Literal["sft", "ranking", "kto", "pretrain"] | None
    """Training that it is for: sft (stage sft), ranking (dpo, rm), kto (kto) or pretrain (pt)."""
    rows: int | None
    made_from: Literal["csv", "parquet", "text", "openai"] | None
    """The table that was sent; it is kept as JSON lines."""
    kept: int | None
    """Rows that LLaMA-Factory trains on."""
    dropped: int | None
    """Rows that LLaMA-Factory leaves out; the report says which, and why."""
    size_bytes: int | None
    sha256: str | None
    created_at: str
    cluster: str | None
    """The cluster on which alone it lies; null for an upload."""
    cluster_path: str | None
    """The path at which it was found there."""
    check_job: str | None
    """The latest job that looked at it there."""
    findings: "list[ProblemError] | None"
    """The reasons for which it was refused."""
    shortened: NotRequired[list[str]]
    """In lists: the fields of which only a part is here; `GET /datasets/{id}` has all of it."""


class DatasetPage(TypedDict):
    """DatasetPage of the API."""

    data: list["Dataset"]
    has_more: bool
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class DatasetReport(TypedDict):
    """The report of a data set; `truncation` where a cutoff_len was named."""

    encoding: Literal["json", "jsonl"]
    format: Literal["alpaca", "sharegpt"]
    rows: int
    kept: int
    dropped: int
    problems: list["RowProblem"]
    columns: list[str]
    unused_columns: list[str]
    characters: "Lengths"
    purpose: NotRequired[Literal["sft", "ranking", "kto", "pretrain"]]
    made_from: NotRequired[Literal["csv", "parquet", "text", "openai"] | None]
    tokens: NotRequired["Lengths | None"]
    turns: NotRequired[list["Bin"]]
    roles: NotRequired[list["RoleCount"]]
    scripts: NotRequired["Scripts | None"]
    repeats: NotRequired["RepeatCount | None"]
    truncation: NotRequired["Truncation | None"]


class Estimates(TypedDict):
    """Resources that the job would use, and the start that Slurm expects."""

    gpus: int
    time_limit_seconds: int
    gpu_hours_at_most: float
    gpu_memory: "GpuMemory | None"
    """Null where the model's config.json is not known."""
    starts_at: str | None
    """The time at which Slurm would start it now (sbatch --test-only); null where it gave none."""


class Event(TypedDict):
    """Something that happened to a job."""

    id: int
    """Grows from event to event, over all jobs; a stream is resumed after it."""
    object: NotRequired[Literal["event"]]
    job_id: str
    type: str
    """job.created, job.<status>, job.cancel_requested, checkpoint.saved, warning, ..."""
    at: str
    message: str
    data: dict[str, Any]


class EventPage(TypedDict):
    """EventPage of the API."""

    data: list["Event"]
    has_more: bool
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class Failure(TypedDict):
    """Cause of a job's failure, and the advice on it."""

    code: str
    message: str
    hint: str | None
    evidence: list[str]
    """The lines of the logs that show it, at most ten."""
    retry: NotRequired[dict[str, Any] | None]
    """A ready body for `POST /jobs/{id}/retry`: {} = the same again, null = correct something first."""


class GpuCount(TypedDict):
    """GPUs of usable nodes."""

    free: int
    total: int


class GpuMemory(TypedDict):
    """Bytes on one GPU while training, estimated from the model's shape (docs/user-guide.md)."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    total: int


class Job(TypedDict):
    """A job."""

    id: str
    object: NotRequired[Literal["job"]]
    name: str
    kind: str
    status: "JobStatus"
    status_reason: str | None
    owner: str
    created_at: str
    submitted_at: str | None
    started_at: str | None
    finished_at: str | None
    cluster: str
    slurm_job_id: int | None
    slurm_state: str | None
    """As Slurm says it."""
    slurm_reason: str | None
    attempt: int
    attempts: list["Attempt"]
    resources: "Resources"
    recipe: str | None
    source_job: str | None
    checkpoint: int | None
    """Of the source job; null = its final model."""
    depends_on: list[str]
    secrets: list[str]
    """Names only."""
    keep_checkpoints: int | None
    continuation: "Continuation | None"
    config: dict[str, Any]
    datasets: list[str]
    tags: dict[str, str]
    priority: int
    queue_position: int | None
    """In packtrain's own queue of the cluster, from 1."""
    progress: "Progress"
    failure: "Failure | None"
    result: dict[str, Any] | None
    record: "Record"
    retry_of: str | None
    cancel_requested_at: str | None
    hold_requested_at: str | None
    unreachable_since: str | None
    shortened: NotRequired[list[str]]
    """In lists: the fields that are too large for one, of which only a part is here (the first of `config`, the last of
    `attempts`); `GET /jobs/{id}` has all of it.
    """
    links: "JobLinks"


class JobChange(TypedDict, total=False):
    """The body of `PATCH /jobs/{id}`: what is left out (or null) stays; `tags` replaces all of them."""

    name: str | None
    priority: int | None
    tags: dict[str, str] | None


class JobFields(TypedDict, total=False):
    """The body of `POST /jobs` and `POST /jobs/validate`."""

    name: str | None
    kind: Literal["train", "export", "predict"]
    recipe: str | None
    """A named starting point; config is laid over it."""
    config: dict[str, Any] | None
    config_yaml: str | None
    command: str | None
    """A command line such as `llamafactory-cli train config.yaml`; it is read, not run."""
    script: str | None
    """The text of a batch script with one training in it; it is read, not run."""
    files: dict[str, str]
    """Texts of the files that command or script names, by name."""
    datasets: list[str]
    source_job: str | None
    """The job whose adapter or model is used; one that has not ended is waited for."""
    checkpoint: int | None
    """Which of its checkpoints; none = the final one."""
    depends_on: list[str]
    """Jobs that must succeed first."""
    secrets: list[str]
    """Names of your secrets; the run finds them in its environment."""
    keep_checkpoints: int | None
    """So many of the newest stay once it has succeeded; null = all."""
    continuation: "Continuation | None"
    """By default a training goes on after preemption and a failed node, not after its time limit."""
    resources: "Resources"
    priority: int
    """Beyond -100 to 100, as it is set usually: administrators only."""
    held: bool
    tags: dict[str, str]


class JobLinks(TypedDict):
    """Paths of a job and of all that belongs to it on this server."""

    self: str
    progress: str
    metrics: str
    events: str
    logs: str
    artifacts: str
    archive: str
    checkpoints: str
    script: str
    config: str


class JobPage(TypedDict):
    """JobPage of the API."""

    data: list["Job"]
    has_more: bool
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class Lengths(TypedDict):
    """Lengths of the kept rows, all texts of a row together and without a template's additions.

    In the unit of the report's field: characters (code points) or tokens.
    """

    total: int
    longest: int
    histogram: list["Bin"]


class Me(TypedDict):
    """The user whose token was sent."""

    id: str
    name: str
    is_administrator: bool
    """The user is one, and the token has the scope admin."""
    token_id: str
    scopes: list["Scope"]
    """All that the token may do."""


class Metrics(TypedDict):
    """The series of a job, by name. Where a resumed run did a step again, the later attempt counts."""

    job_id: str
    series: dict[str, "Series"]


class Model(TypedDict):
    """A model of a cluster's catalogue."""

    name: str
    """To give as model_name_or_path; the last part of its path and of a hub id will do."""
    cluster: str
    path: str
    aliases: list[str]
    """Further names that mean it."""


class ModelAliasRequest(TypedDict):
    """Another name for a model of a catalogue."""

    alias: str
    """What people's files call the model."""
    model: str
    """Its name in the catalogue."""
    cluster: NotRequired[str | None]
    """By default the first of the server's clusters."""


class ModelPage(TypedDict):
    """ModelPage of the API."""

    data: list["Model"]
    has_more: bool
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class NewToken(TypedDict):
    """A token that was just made."""

    id: str
    name: str
    user: str
    scopes: list["Scope"]
    """All that it may do."""
    created_at: str
    expires_at: str | None
    token: str
    """The text to send as `Authorization: Bearer`. It is shown this once."""


class Node(TypedDict):
    """A node of Slurm."""

    name: str
    state: str | None
    partitions: list[str]
    cpus: int
    gpu_type: str | None
    gpus: "GpuCount"


class Parameter(TypedDict):
    """An argument that people set when they use a recipe."""

    name: str
    description: str
    default: NotRequired[Any]
    required: NotRequired[bool]


class Partition(TypedDict):
    """A partition of Slurm."""

    name: str
    is_default: bool
    state: str | None
    max_time_seconds: int | None
    """Null = unlimited."""
    nodes: int
    gpus: "GpuCount"


class Place(TypedDict):
    """One row: its number among the rows, and the line on which it begins, both from 1."""

    row: int
    line: int
    detail: str


class Preview(TypedDict):
    """The first rows of a data set."""

    format: Literal["alpaca", "sharegpt"]
    template: str | None
    rows: list["PreviewRow"]


class PreviewRow(TypedDict):
    """A row as it is in the file, and with a template also as the model would see it."""

    row: int
    line: int
    value: dict[str, Any]
    pieces: "list[TextPiece] | None"
    """The whole text in order; null without a template."""
    problem: str | None
    """Why a row cannot be shown with the template."""


class Problem(TypedDict):
    """An error answer."""

    type: str
    """Always `about:blank`: `code` tells kinds apart."""
    title: str
    """The status in words."""
    status: int
    """The HTTP status."""
    code: "ProblemCode"
    """The kind of trouble, for programs."""
    detail: str
    """What is wrong, for people."""
    hint: NotRequired[str | None]
    """What to do about it."""
    errors: NotRequired["list[ProblemError] | None"]
    """Each thing that is wrong, where input is."""


class ProblemError(TypedDict):
    """One thing that is wrong in a request."""

    loc: list[str | int]
    """Where: body, query, path or header, and the way down from there."""
    message: str
    """What is wrong there."""
    hint: NotRequired[str | None]
    """What to do about it."""


class Progress(TypedDict):
    """Progress of a job, as the database had it at `updated_at`; the durations count from then."""

    job_id: str
    status: "JobStatus"
    version: int
    """Grows with every change; give it as `since` to wait for the next one."""
    current_steps: int | None
    total_steps: int | None
    percentage: float | None
    epoch: float | None
    loss: float | None
    """Null before the first step that was logged, and where training diverged."""
    eval_loss: float | None
    learning_rate: float | None
    tokens_per_second: float | None
    elapsed_seconds: float | None
    eta_seconds: float | None
    """To the end of the whole job, the wait in the queues included; null where nothing can tell. While a run logs
    nothing it is told anew after a hundredth of itself, and after 15 s at the earliest.
    """
    eta_low_seconds: float | None
    eta_high_seconds: float | None
    expected_end_at: str | None
    """Moves later while what comes next (a line, an evaluation, a save) takes longer than it should."""
    expected_start_at: str | None
    queue_position: int | None
    """From 1, in packtrain's own queue of the cluster; null once submitted."""
    stalled_since: str | None
    updated_at: str
    observed_at: str | None
    """When the cluster last answered a question about this job."""
    unattended_since: NotRequired[str | None]
    """Since then no worker has driven the job's cluster: nothing newer is known; null while one does."""


class Recipe(TypedDict):
    """A recipe: a job that names it may lay its own config over this one."""

    name: str
    object: NotRequired[Literal["recipe"]]
    title: str
    description: str
    kind: Literal["train", "export", "predict"]
    data: str
    config: dict[str, Any]
    resources: dict[str, Any]
    parameters: list["Parameter"]


class RecipePage(TypedDict):
    """RecipePage of the API."""

    data: list["Recipe"]
    has_more: bool
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class Record(TypedDict):
    """With what exactly the job ran."""

    image_digest: NotRequired[str | None]
    llamafactory_version: NotRequired[str | None]
    config_sha256: NotRequired[str | None]
    dataset_sha256s: NotRequired[list[str] | None]
    script_sha256: NotRequired[str | None]
    seed: NotRequired[int | None]


class RepeatCount(TypedDict):
    """Kept rows whose texts are exactly those of an earlier one."""

    repeated: int
    compared: int
    one_in: int


class Resources(TypedDict, total=False):
    """Resources asked of Slurm; a field that is left out is filled from the cluster's defaults, where they have it."""

    cluster: str | None
    partition: str | None
    nodes: int | None
    gpus_per_node: int | None
    gpu_type: str | None
    cpus_per_gpu: int | None
    memory: str | None
    time_limit: str | None
    account: str | None
    qos: str | None
    constraint: str | None
    exclude: str | None


class RoleCount(TypedDict):
    """Number of messages that a role speaks in all rows, dropped rows too."""

    role: str
    messages: int


class RowProblem(TypedDict):
    """All rows with the same thing wrong."""

    reason: "Reason"
    outcome: "Outcome"
    message: str
    hint: str
    rows: int
    places: list["Place"]


class ScriptShare(TypedDict):
    """A script's share of the letters, from 0 to 1."""

    script: str
    share: float


class Scripts(TypedDict):
    """In which scripts the kept rows are written: no guess at languages, of which several share a script."""

    rows: int
    shares: list["ScriptShare"]


class Secret(TypedDict):
    """A secret, without its value."""

    name: str
    created_at: str
    updated_at: str


class SecretPage(TypedDict):
    """SecretPage of the API."""

    data: list["Secret"]
    has_more: bool
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class Series(TypedDict):
    """Two columns of the same length."""

    steps: list[int]
    values: list[float | None]
    """Null where training diverged (NaN)."""
    total: int
    """The number of all points, of which these were chosen."""


class TextPiece(TypedDict):
    """Some of the text that is read in training, special tokens written out."""

    text: str
    trained: bool
    """The loss counts it: the model learns to say it."""
    read: bool
    """False: it is only learned in this place, and not read by what follows."""


class Token(TypedDict):
    """A token, without its text."""

    id: str
    name: str
    user: str
    scopes: list["Scope"]
    """All that it may do."""
    created_at: str
    expires_at: str | None


class TokenPage(TypedDict):
    """TokenPage of the API."""

    data: list["Token"]
    has_more: bool
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class TokenRequest(TypedDict):
    """A token to make."""

    name: str
    """The purpose of the token."""
    user: NotRequired[str | None]
    """Whose it is: oneself; for administrators anybody, who is made when new."""
    scopes: NotRequired["list[Scope] | None"]
    """Its permissions: submit implies read, admin both. By default what is usual for the user: submit, and admin for
    administrators. Never more than the token has that asks.
    """
    expires_at: NotRequired[str | None]


class Trouble(TypedDict):
    """A step that failed at one job, or as a whole; it is tried again by itself."""

    job_id: str | None
    """Null: the step failed as a whole, or at what several jobs need."""
    subject: str | None
    """The id of a data set, or a hash; null for a job, and for the whole step."""
    step: str
    error: str
    """The class of the error; the log and `packtrain clusters doctor` say more."""
    since: str
    failures: int
    """In a row."""
    next_try_at: str


class Truncation(TypedDict):
    """Kept rows that are longer than cutoff_len: LLaMA-Factory cuts them there, and with packing leaves them out."""

    cutoff_len: int
    unit: Literal["characters", "tokens"]
    rows_at_least: int
    rows_at_most: int


class Validation(TypedDict):
    """Validation of a request for a job: the findings, and the script, configuration and estimates of its run."""

    valid: bool
    errors: list["ProblemError"]
    warnings: list["ProblemError"]
    notes: list[str]
    """Remarks: the configuration as it was read, a Slurm that was not asked."""
    script: str | None
    config_yaml: str | None
    estimates: "Estimates | None"
