"""The API's JSON as types: every value is what the server sends.

Durations are in seconds, sizes in bytes, times in UTC (ISO 8601).
Written by `make types` from the OpenAPI document of the server.
"""

from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

DatasetStatus = Literal["checking", "ready", "refused"]
"""An upload is ready at once; what lies on a cluster is looked at there first."""
DeliveryStatus = Literal["waiting", "delivered", "given_up"]
"""State of a delivery."""
JobStatus = Literal["held", "queued", "submitting", "pending", "running", "succeeded", "failed", "cancelled"]
"""Status of a job in packtrain. Slurm's own state is another column."""
LimitKind = Literal[
    "running_jobs", "gpus", "queued_jobs", "gpu_hours_30_days", "time_limit_seconds", "dataset_bytes", "result_bytes"
]
"""Kind of a limit: the thing that is counted."""
Outcome = Literal["job_fails", "dropped", "kept"]
"""LLaMA-Factory's treatment of a row that has a problem."""
ProblemCode = Literal[
    "bad_request",
    "not_authenticated",
    "not_allowed",
    "csrf_refused",
    "not_found",
    "method_not_allowed",
    "request_timeout",
    "conflict",
    "too_large",
    "query_too_long",
    "unsupported_media_type",
    "range_not_satisfiable",
    "invalid",
    "context_length_exceeded",
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
    "untrained_history",
    "untrained_end",
    "mixed_weights",
    "unused_media",
    "bad_media",
    "media_count",
    "missing_media",
    "media_elsewhere",
    "template_decides",
]
"""Problem for which a row is counted in the report."""
Role = Literal["viewer", "member", "administrator"]
"""Role of a user in the lab. That of a team's lead is a word of the membership."""
Scope = Literal["read", "submit", "admin"]
"""One word; the order of the words is the order of their reach."""
SignInWay = Literal["token", "oidc", "proxy"]
"""Way in which somebody showed who they are when their session began."""
SubjectKind = Literal["user", "team", "member", "everybody"]
"""Kind of a limit's subject: those who share it."""
UsedBy = Literal["user", "team", "cluster"]
"""Grouping of used GPU time."""
WaitKind = Literal["limit", "gpus", "dependency", "data", "hold", "window", "cluster", "nothing"]
"""Kind of thing that a job waits for."""
WebhookKind = Literal["standard", "slack", "mattermost", "mail", "openai"]
"""Form in which a receiver wants its notices."""


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
    """What such a file is, for programs."""
    description: str
    """What such a file is, in a sentence."""
    size_bytes: int
    """Its size."""
    modified_at: str
    """When it was last written, by the cluster's clock."""
    url: str
    """Its path on this server."""


class Artifacts(TypedDict):
    """All files of a job."""

    data: list["Artifact"]
    """The rows."""
    total_bytes: int
    """The size of all together."""
    listed_at: NotRequired[str | None]
    """When the files of a job that runs were looked at; null: as its last attempt left them."""


class Attempt(TypedDict):
    """One submission to Slurm."""

    number: int
    """From 1."""
    slurm_job_id: int | None
    """Slurm's number."""
    slurm_state: str | None
    """As Slurm says it."""
    submitted_at: str | None
    """When Slurm took it."""
    started_at: str | None
    """When it began to run."""
    finished_at: str | None
    """When it ended."""
    exit_code: int | None
    """Of the run; null where Slurm told none."""
    nodes: str | None
    """The nodes that it ran on, in Slurm's notation."""
    ended_by: str | None
    """succeeded, failed, cancelled, held; or what the job went on after: timeout, preempted, node_fail, node_fault (by
    the words of its hardware), stalled, interrupted (by a signal that nobody here sent), released, yielded (to an
    urgent job).
    """
    resumed_step: int | None
    """The checkpoint that it went on from; 0 = from the start."""
    first_step: int | None
    """The first step that it logged."""
    last_step: int | None
    """The last step that it logged."""


class AuditEntry(TypedDict):
    """A change: its actor and origin, and the values before and after."""

    id: int
    """Grows from entry to entry."""
    at: str
    """When it was made."""
    actor: str
    """A user's name; `operator`: a command on the service's own machine; `packtrain`: the service."""
    token_id: str | None
    """The token that it came with."""
    address: str | None
    """The network address that it came from."""
    action: str
    """user.created, user.disabled, member.set, token.created, job.cancel, ..."""
    subject_kind: str
    """user, team, token, job, secret, alias, limit, settings, ..."""
    subject: str
    """Its name or id."""
    before: dict[str, Any] | None
    """The values before, as far as they matter."""
    after: dict[str, Any] | None
    """The values after."""


class AuditEntryPage(TypedDict):
    """AuditEntryPage of the API."""

    data: list["AuditEntry"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class Bin(TypedDict):
    """Rows of a length that is at most `up_to`, and more than the `up_to` of the bin before."""

    up_to: int
    """The greatest length that is counted here."""
    rows: int
    """How many rows."""


class Cancellation(TypedDict, total=False):
    """The body of `POST /jobs/{id}/cancel`."""

    save: bool
    """Let a running training save a checkpoint first."""


class Checkpoint(TypedDict):
    """The model as it was after a step: to use it (source_job with checkpoint), or to go on from."""

    step: int
    """The step after which it was saved."""
    path: str
    """Of its files among the artifacts."""
    size_bytes: int
    """Its size."""
    files: int
    """How many files it has."""
    modified_at: str
    """When it was last written, by the cluster's clock."""
    is_being_removed: bool
    """Somebody has asked for its removal."""


class Checkpoints(TypedDict):
    """All checkpoints of a job, the oldest first."""

    data: list["Checkpoint"]
    """The rows."""
    total_bytes: int
    """The size of all together."""
    listed_at: NotRequired[str | None]
    """When those of a job that runs were looked at; null: as its last attempt left them."""


class Cluster(TypedDict):
    """A cluster as last seen; nothing is asked of it for this."""

    name: str
    """Its name."""
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
    """As Slurm says it."""
    partitions: list["Partition"]
    """Its partitions as last seen, the default first."""
    nodes: list["Node"]
    """Its nodes as last seen."""
    gpus: "GpuCount"
    """GPUs: free ones and all."""
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
    """Failures: of the newest 20 those of whole steps, and of jobs that you may see."""
    trouble_count: int
    """The number of all of them."""
    sick_nodes: list["SickNode"]
    """Nodes that are excluded now, since runs failed on them."""


class ClusterPage(TypedDict):
    """ClusterPage of the API."""

    data: list["Cluster"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class Continuation(TypedDict, total=False):
    """Automatic continuation of a cut-off run, from its newest whole checkpoint: after which ends, how often."""

    max_attempts: int
    """The most attempts, the first included."""
    on: list[Literal["timeout", "preempted", "node_fail"]]
    """The ends after which the run goes on."""


class Dataset(TypedDict):
    """A data set; what is in it is told by its report. Until it is ready, what only a check can tell is null."""

    id: str
    """Its id, for `datasets` of a job."""
    object: NotRequired[Literal["dataset"]]
    """What this is."""
    name: str
    """Its name, which need not be its own alone."""
    owner: str
    """The name of the user whose it is."""
    status: "DatasetStatus"
    """An upload is ready at once; data on a cluster is checked there first."""
    format: Literal["alpaca", "sharegpt"] | None
    """The form of its rows."""
    purpose: Literal["sft", "ranking", "kto", "pretrain", "questions"] | None
    """Training that it is for: sft (stage sft), ranking (dpo, rm), kto (kto) or pretrain (pt); questions are predicted
    on.
    """
    rows: int | None
    """How many rows it has."""
    made_from: Literal["csv", "parquet", "text", "openai", "questions"] | None
    """The table that was sent; it is kept as JSON lines."""
    media_files: int | None
    """Images, videos and audios that came along in one archive."""
    kept: int | None
    """Rows that LLaMA-Factory trains on."""
    dropped: int | None
    """Rows that LLaMA-Factory leaves out; the report says which, and why."""
    size_bytes: int | None
    """Its size."""
    sha256: str | None
    """Of its content as it is kept."""
    created_at: str
    """When it was made."""
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
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class DatasetReport(TypedDict):
    """The report of a data set; `truncation` where a cutoff_len was named."""

    encoding: Literal["json", "jsonl"]
    """How the rows are kept."""
    format: Literal["alpaca", "sharegpt"]
    """The form of the rows."""
    rows: int
    """All rows."""
    kept: int
    """Rows that are trained on."""
    dropped: int
    """Rows that are left out."""
    problems: list["RowProblem"]
    """What is wrong with rows, by kind."""
    columns: list[str]
    """The columns that are read."""
    unused_columns: list[str]
    """Columns that nothing reads."""
    characters: "Lengths"
    """Lengths in code points."""
    purpose: NotRequired[Literal["sft", "ranking", "kto", "pretrain", "questions"]]
    """What it teaches."""
    made_from: NotRequired[Literal["csv", "parquet", "text", "openai", "questions"] | None]
    """The kind of file that it was made from; null = of the same kind."""
    media_files: NotRequired[int | None]
    """Images, videos and audios that came along with the rows; null = it was no archive."""
    tokens: NotRequired["Lengths | None"]
    """Lengths in tokens; null where no tokenizer was named."""
    turns: NotRequired[list["Bin"]]
    """Rows by the number of their messages."""
    roles: NotRequired[list["RoleCount"]]
    """Who speaks how often, in conversations."""
    scripts: NotRequired["Scripts | None"]
    """The writing systems of the rows."""
    repeats: NotRequired["RepeatCount | None"]
    """Rows that say the same; null where they were not compared."""
    truncation: NotRequired["Truncation | None"]
    """What `cutoff_len` cuts off; null where none was named."""


class DatasetUpload(TypedDict):
    """An upload in parts, and the parts that have arrived."""

    id: str
    """Its id, for its parts."""
    object: NotRequired[Literal["upload"]]
    """What this is."""
    name: str
    """The file's name."""
    size_bytes: int
    """Of the whole file, as it was announced."""
    sha256: str | None
    """Of the whole file, as it was announced."""
    status: Literal["pending", "completed", "cancelled", "expired"]
    """Only a pending one takes parts."""
    created_at: str
    """When it was made."""
    expires_at: str
    """When it is removed, unless a part comes before."""
    parts: list["DatasetUploadPart"]
    """Those that have arrived, in their order."""
    dataset_id: str | None
    """The data set that it became."""


class DatasetUploadPart(TypedDict):
    """A part that has arrived whole."""

    number: int
    """Its place in the file, from 1."""
    size_bytes: int
    """Its size."""


class Delivery(TypedDict):
    """A notice for one webhook, and what became of it."""

    id: str
    """The webhook-id that the receiver is sent, the same at each try."""
    event: str
    """What it tells of."""
    job_id: str | None
    """The job that it tells of; null: the webhook itself."""
    status: "DeliveryStatus"
    """Whether it arrived, is still tried, or was given up."""
    attempts: int
    """How often it was tried."""
    created_at: str
    """When it happened."""
    next_try_at: str | None
    """Not before then it is tried again; null: no more."""
    last_attempt_at: str | None
    """When it was last tried."""
    last_status: int | None
    """The HTTP status that the receiver last answered."""
    last_error: str | None
    """Why it did not arrive, the last time."""
    delivered_at: str | None
    """When it arrived."""


class DeliveryPage(TypedDict):
    """DeliveryPage of the API."""

    data: list["Delivery"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class Estimates(TypedDict):
    """Resources that the job would use, and when it would start."""

    gpus: int
    """On all nodes together."""
    time_limit_seconds: int
    """After which Slurm ends an attempt."""
    gpu_hours_at_most: float
    """GPUs times the time limit."""
    gpu_memory: "GpuMemory | None"
    """Null where neither the model's config.json nor its tensors tell its shape."""
    starts_at: str | None
    """The time at which Slurm would start it now (sbatch --test-only); null where it gave none."""
    start: "ExpectedStart"
    """As `GET /jobs/{id}/queue` would tell it, were the job queued now."""


class Event(TypedDict):
    """Event of a job."""

    id: int
    """Grows from event to event, over all jobs; a stream is resumed after it."""
    object: NotRequired[Literal["event"]]
    """What this is."""
    job_id: str
    """The id of the job."""
    type: str
    """job.created, job.<status>, job.cancel_requested, checkpoint.saved, warning, ..."""
    at: str
    """When it happened."""
    message: str
    """What happened, or what is wrong, in a sentence."""
    data: dict[str, Any]
    """Details for programs, by the event's type."""


class EventPage(TypedDict):
    """EventPage of the API."""

    data: list["Event"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class ExpectedStart(TypedDict):
    """The place that the job would have in the queue, and its forecast."""

    expected_start_at: str | None
    """Of its next attempt."""
    expected_start_low_at: str | None
    """Hardly sooner than this."""
    expected_start_high_at: str | None
    """Hardly later than this."""
    expected_end_at: str | None
    """Of the whole job, by its owner's earlier runs."""
    expected_end_low_at: str | None
    """Hardly sooner than this."""
    expected_end_high_at: str | None
    """Hardly later than this."""
    position: int
    """From 1, in packtrain's own queue of the cluster."""


class Failure(TypedDict):
    """Cause of a job's failure, and the advice on it."""

    code: str
    """The kind of cause (docs/user-guide.md has the list)."""
    message: str
    """The cause in a sentence."""
    hint: str | None
    """What to do about it."""
    evidence: list[str]
    """The lines of the logs that show it, at most ten."""
    retry: NotRequired[dict[str, Any] | None]
    """A ready body for `POST /jobs/{id}/retry`: {} = the same again, null = correct something first."""


class GpuCount(TypedDict):
    """GPUs of usable nodes."""

    free: int
    """Of these, how many no job uses."""
    total: int
    """All of usable nodes."""


class GpuMemory(TypedDict):
    """Bytes on one GPU while training, estimated from the model's shape (docs/user-guide.md)."""

    weights: int
    """Of the model."""
    gradients: int
    """Of the gradients."""
    optimizer: int
    """Of the optimizer's state."""
    activations: int
    """Of what a step keeps for its backward pass."""
    total: int
    """All together."""


class HeldBy(TypedDict):
    """A job whose end lets this one start, or brings that nearer."""

    job_id: str
    """Its id."""
    expected_end_at: str | None
    """Null where nothing can tell."""


_Job = TypedDict("_Job", {"class": Literal["urgent", "normal", "scavenger"]})


class Job(_Job):
    """A job."""

    id: str
    """Its id."""
    object: NotRequired[Literal["job"]]
    """What this is."""
    name: str
    """Its name, which need not be its own alone."""
    kind: str
    """What is to be done: train, export (merge an adapter), predict."""
    status: "JobStatus"
    """Where it stands."""
    status_reason: str | None
    """Why it stands there, in a sentence."""
    owner: str
    """The name of the user whose it is."""
    team: str
    """Team whose share it uses."""
    created_at: str
    """When it was made."""
    submitted_at: str | None
    """When Slurm took it."""
    started_at: str | None
    """When it began to run."""
    finished_at: str | None
    """When it ended."""
    cluster: str
    """The name of a cluster of this service."""
    slurm_job_id: int | None
    """Slurm's number."""
    slurm_state: str | None
    """As Slurm says it."""
    slurm_reason: str | None
    """Why Slurm lets it wait, in Slurm's word."""
    attempt: int
    """The number of the newest attempt, from 1; 0 before the first."""
    attempts: list["Attempt"]
    """Its submissions to Slurm, the first one first."""
    resources: "Resources"
    """What is asked of Slurm."""
    recipe: str | None
    """The recipe that it began from."""
    source_job: str | None
    """The job whose adapter or model it uses."""
    checkpoint: int | None
    """Of the source job; null = its final model."""
    resume_from: "ResumeFrom | None"
    """The checkpoint of an earlier job that it goes on from, while it has none of its own."""
    depends_on: list[str]
    """Ids of the jobs that must succeed first."""
    secrets: list[str]
    """Names only."""
    environment: dict[str, str]
    """Variables that its owner gives its run."""
    keep_checkpoints: int | None
    """So many of the newest stay once it has succeeded; null = all."""
    continuation: "Continuation | None"
    """After which ends it goes on by itself; null = as usual for its kind."""
    config: dict[str, Any]
    """LLaMA-Factory's arguments, as they are run."""
    datasets: list[str]
    """Ids of its uploaded data sets."""
    tags: dict[str, str]
    """Labels to find it by."""
    priority: int
    """Greater goes first."""
    queue_position: int | None
    """In packtrain's own queue of the cluster, from 1."""
    progress: "Progress"
    """How far it is, and when it will be done."""
    failure: "Failure | None"
    """Why it failed; null unless it did."""
    result: dict[str, Any] | None
    """The numbers that the run left; null before its end."""
    model: str | None
    """Name of the model that it left: `ft:<base>:<team>:<name>:<id>`; null until it has succeeded."""
    record: "Record"
    """With what exactly it ran."""
    retry_of: str | None
    """The job of which it is another try."""
    cancel_requested_at: str | None
    """When somebody asked for its end."""
    hold_requested_at: str | None
    """When somebody asked to take it back from Slurm."""
    unreachable_since: str | None
    """Since when its cluster does not answer; null while it does."""
    shortened: NotRequired[list[str]]
    """In lists: the fields that are too large for one, of which only a part is here (the first of `config`, the last of
    `attempts`); `GET /jobs/{id}` has all of it.
    """
    links: "JobLinks"
    """Paths of what belongs to it."""


class JobChange(TypedDict, total=False):
    """The body of `PATCH /jobs/{id}`: what is left out (or null) stays; `tags` replaces all of them."""

    name: str | None
    """Another name."""
    priority: int | None
    """Another place in the queue: greater goes first."""
    tags: dict[str, str] | None
    """All of its labels."""


_JobFields = TypedDict("_JobFields", {"class": Literal["urgent", "normal", "scavenger"]}, total=False)


class JobFields(_JobFields, total=False):
    """The body of `POST /jobs` and `POST /jobs/validate`."""

    name: str | None
    """For people; by default one is made."""
    kind: Literal["train", "export", "predict"]
    """What is to be done: train, export (merge an adapter), predict."""
    recipe: str | None
    """A named starting point; config is laid over it."""
    config: dict[str, Any] | None
    """LLaMA-Factory's arguments."""
    config_yaml: str | None
    """LLaMA-Factory's arguments as the text of a YAML file; instead of `config`, or under it."""
    command: str | None
    """A command line such as `llamafactory-cli train config.yaml`; it is read, not run."""
    script: str | None
    """The text of a batch script with one training in it; it is read, not run."""
    files: dict[str, str]
    """Texts of the files that command or script names, by name."""
    datasets: list[str]
    """Ids of uploaded data sets."""
    source_job: str | None
    """The job whose adapter or model is used; one that has not ended is waited for."""
    checkpoint: int | None
    """Which of its checkpoints; none = the final one."""
    resume_from: "ResumeFrom | None"
    """Go on from what an ended training left, with its optimizer and its steps; source_job begins anew."""
    depends_on: list[str]
    """Jobs that must succeed first."""
    secrets: list[str]
    """Names of your secrets; the run finds them in its environment."""
    environment: dict[str, str]
    """Variables of the run, of a list: WANDB_PROJECT and the like, NCCL_DEBUG. Keys are secrets."""
    keep_checkpoints: int | None
    """So many of the newest stay once it has succeeded; null = all."""
    continuation: "Continuation | None"
    """By default a training goes on after preemption and a failed node, not after its time limit."""
    webhooks: list["JobWebhook"]
    """Endpoints that are told of this job alone."""
    resources: "Resources"
    """What is asked of Slurm."""
    team: str | None
    """Team whose share it uses; by default your usual one."""
    priority: int
    """Beyond -100 to 100, as it is set usually: administrators only."""
    held: bool
    """Keep it from being submitted until it is released."""
    tags: dict[str, str]
    """Labels to find it by."""


class JobLinks(TypedDict):
    """Paths of a job and of all that belongs to it on this server."""

    self: str
    """The job."""
    progress: str
    """How far it is."""
    metrics: str
    """Its curves."""
    events: str
    """What happened to it."""
    logs: str
    """What it wrote."""
    artifacts: str
    """Its files."""
    archive: str
    """All files in one tar."""
    checkpoints: str
    """Its checkpoints."""
    script: str
    """The batch script of an attempt."""
    config: str
    """The configuration of an attempt, as YAML."""


class JobPage(TypedDict):
    """JobPage of the API."""

    data: list["Job"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class JobWebhook(TypedDict):
    """An endpoint to tell of events of one job."""

    url: str
    """Where notices go: http(s)://..., or mailto:NAME@DOMAIN for mail."""
    kind: NotRequired["WebhookKind"]
    """The form of the notices: signed JSON (Standard Webhooks), a text for Slack or Mattermost, mail; or the three ends
    of trainings as OpenAI's webhooks tell them.
    """
    events: NotRequired[list[str]]
    """Which events: exact names (job.failed, warning), job.* or checkpoint.*; by default the ends."""
    secret: NotRequired[str | None]
    """Of kinds standard and openai: a secret of your own to sign with, whsec_ and 24 to 64 bytes in base64; by default
    one is made.
    """


class Lengths(TypedDict):
    """Lengths of the kept rows, all texts of a row together and without a template's additions.

    In the unit of the report's field: characters (code points) or tokens.
    """

    total: int
    """All rows together."""
    longest: int
    """The length of the longest row."""
    histogram: list["Bin"]
    """Rows by length."""


_Limit = TypedDict("_Limit", {"class": str | None})


class Limit(_Limit):
    """A limit, and its use at this moment."""

    id: str
    """Its id, to remove it by."""
    subject_kind: "SubjectKind"
    """Those who share it."""
    subject: str | None
    """The user's or team's name; `*` = each; null = everybody together."""
    team: str | None
    """Of a member: the team; else null."""
    kind: "LimitKind"
    """The thing that is counted."""
    amount: float
    """So much at most."""
    cluster: str | None
    """On this cluster only; null = on all together."""
    partition: str | None
    """Of jobs that ask for this partition only; null = whichever."""
    in_use: float
    """Of a limit for each: by whoever uses most, for others than administrators their own."""
    most_used_by: str | None
    """Of a limit for each: who that is."""
    held_by: list["LimitHolder"]
    """The jobs that use it and that you may see, the first to end first; a few of very many."""
    words: str
    """The limit in a sentence."""


class LimitHolder(TypedDict):
    """A job that uses a part of a limit."""

    job_id: str
    """The id of the job."""
    expected_end_at: str | None
    """Null where nobody can tell."""


class LimitPage(TypedDict):
    """LimitPage of the API."""

    data: list["Limit"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


_LimitRequest = TypedDict("_LimitRequest", {"class": NotRequired[Literal["urgent", "normal", "scavenger"] | None]})


class LimitRequest(_LimitRequest):
    """A limit to set: there is one of each subject, kind and narrowing, and its amount is changed."""

    subject_kind: "SubjectKind"
    """Those who share it: a user, a team, a member (a user's jobs of one team), or everybody together."""
    subject: NotRequired[str | None]
    """The user's or team's name; `*` = each that has no such limit of their own."""
    team: NotRequired[str | None]
    """Of a member: the team; `*` as the subject = each member."""
    kind: "LimitKind"
    """The thing that is counted."""
    amount: float
    """So much at most: jobs, GPUs, hours, seconds or bytes, by the kind."""
    cluster: NotRequired[str | None]
    """On this cluster only."""
    partition: NotRequired[str | None]
    """Of jobs that ask for this partition only."""


class Me(TypedDict):
    """The user whose token was sent."""

    id: str
    """The user's id."""
    name: str
    """The user's name."""
    is_administrator: bool
    """The user is one, and the token has the scope admin."""
    token_id: str
    """The id of the token that was sent."""
    scopes: list["Scope"]
    """All that the token may do."""
    role: "Role"
    """viewer looks, member submits too, administrator does all."""
    teams: list["TeamOfMe"]
    """By name."""
    default_team: str | None
    """The team of jobs that name none."""


class Member(TypedDict):
    """A member of a team."""

    name: str
    """The user's name."""
    display_name: str | None
    """What people call them."""
    shares: int
    """The user's shares of what the team has."""
    is_lead: bool
    """Whether they lead the team."""


class MemberRequest(TypedDict, total=False):
    """Place of a user in a team; what is left out stays, and is usual for a new one: one share, no lead."""

    shares: int | None
    """Of what the team has, beside those of its other members."""
    is_lead: bool | None
    """Leads change their team's members. For administrators."""


class Metrics(TypedDict):
    """The series of a job, by name. Where a resumed run did a step again, the later attempt counts."""

    job_id: str
    """The id of the job."""
    series: dict[str, "Series"]
    """By name: loss, eval_loss, learning_rate, ..."""


class Model(TypedDict):
    """A model of a cluster's catalogue, or what a job left."""

    name: str
    """To give as model_name_or_path. Of a catalogue's model the last part of its path and of a hub id will do; of a
    result, `ft:<base>:<team>:<name>:<id>`, only the id has to be right.
    """
    cluster: str
    """The name of a cluster of this service."""
    path: str
    """Its folder on the cluster."""
    aliases: list[str]
    """Further names that mean it."""
    kind: NotRequired[Literal["catalogue", "result"]]
    """A catalogue's model, or the result of a job."""
    owner: NotRequired[str | None]
    """Of a result: the owner of its job."""
    team: NotRequired[str | None]
    """Of a result: the team of its job."""
    created_at: NotRequired[str | None]
    """Of a result: the end of its job."""
    checkpoint: NotRequired[int | None]
    """The step of a checkpoint; null: the final model."""
    is_adapter: NotRequired[bool]
    """It is laid over its base model; else it is a whole model."""
    size_bytes: NotRequired[int | None]
    """On the cluster, without checkpoints beside it."""
    is_pinned: NotRequired[bool]
    """Clean-up spares it, as it does what has an alias."""
    granted_to: NotRequired[list[str]]
    """Other teams that may use it."""
    metrics: NotRequired[dict[str, float]]
    """Those of its job's end."""
    lineage: NotRequired["ModelLineage | None"]
    """Of a result: what it was made from."""
    not_served: NotRequired[str | None]
    """Why it cannot be talked to, as a sentence; only where one model is shown."""


class ModelAliasRequest(TypedDict):
    """Another name for a model."""

    alias: str
    """What people's files call the model."""
    model: str
    """Its name in the catalogue, or the name of a result (ft:...), whose cluster is taken."""
    cluster: NotRequired[str | None]
    """By default the first of the server's clusters."""


class ModelLineage(TypedDict):
    """Origin of a result: its job, what the job began from, and its data."""

    job_id: str
    """Of the job that left it."""
    job_name: str
    """As that job is called now."""
    base: str
    """The base model's name: a hub id, or a folder's name."""
    source_job: str | None
    """The job whose adapter or model it was made from."""
    source_checkpoint: int | None
    """Which of its checkpoints; null: its final model."""
    datasets: list[str]
    """Ids of uploads, and names that the cluster knows; at most 100."""


class ModelPage(TypedDict):
    """ModelPage of the API."""

    data: list["Model"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class NewMember(TypedDict):
    """A first member of a new team."""

    shares: NotRequired[int | None]
    """Of what the team has, beside those of its other members."""
    is_lead: NotRequired[bool | None]
    """Leads change their team's members. For administrators."""
    name: str
    """The user's name."""


class NewToken(TypedDict):
    """A token that was just made."""

    id: str
    """Its id, to revoke it by."""
    name: str
    """What it is for."""
    user: str
    """The name of its user."""
    scopes: list["Scope"]
    """All that it may do."""
    created_at: str
    """When it was made."""
    expires_at: str | None
    """The end of its validity; null = it has none."""
    token: str
    """The text to send as `Authorization: Bearer`. It is shown this once."""


class NewWebhook(TypedDict):
    """A webhook that was just made, or was given another secret."""

    id: str
    """Its id."""
    kind: "WebhookKind"
    """The form of its notices."""
    url: str
    """Where its notices go."""
    events: list[str]
    """Names and patterns of the events that it is told of."""
    user: str
    """The name of the user who made it."""
    team: str | None
    """The team whose jobs it is told of."""
    job_id: str | None
    """The one job that it is told of; null, without a team: all of its user's."""
    created_at: str
    """When it was made."""
    disabled: bool
    """Whether it is switched off: nothing is sent, and nothing kept for it."""
    disabled_at: str | None
    """Since when it is switched off."""
    disabled_reason: str | None
    """By whom or why it was switched off."""
    failing_since: str | None
    """Since when nothing has arrived; null: the last notice did."""
    secret: str | None
    """What its notices are signed with (Standard Webhooks); shown this once. Null: they are not signed."""


class Node(TypedDict):
    """A node of Slurm."""

    name: str
    """Its name."""
    state: str | None
    """As Slurm says it."""
    partitions: list[str]
    """The partitions that it belongs to."""
    cpus: int
    """Its CPUs."""
    gpu_type: str | None
    """As Slurm calls it; of several types the one that it has most of."""
    gpu_types: dict[str, int]
    """How many GPUs it has of each type that Slurm names."""
    gpus: "GpuCount"
    """GPUs: free ones and all."""


class OrderMeasures(TypedDict):
    """Measures of one order of the workload (docs/benchmarks.md says what each is)."""

    order: str
    """FIFO, EASY, or packtrain."""
    mean_wait_seconds: float
    """From submission to start."""
    longest_wait_seconds: float
    """Likewise."""
    mean_slowdown: float
    """Bounded slowdown, the mean over jobs."""
    worst_person_slowdown: float
    """The mean of whoever fared worst."""
    jain_index: float
    """Of people's mean slowdowns: 1 where all are equal."""
    share_error: float
    """The part of the GPUs that others had than an even deal gives it to."""
    utilisation: float
    """Of the machine, until the last submission."""


class Parameter(TypedDict):
    """An argument that people set when they use a recipe."""

    name: str
    """The argument."""
    description: str
    """What it does."""
    default: NotRequired[Any]
    """Its value where nothing is said."""
    required: NotRequired[bool]
    """Whether the recipe cannot do without."""


class Partition(TypedDict):
    """A partition of Slurm."""

    name: str
    """Its name."""
    is_default: bool
    """Whether Slurm takes it where none is named."""
    state: str | None
    """As Slurm says it."""
    max_time_seconds: int | None
    """Null = unlimited."""
    nodes: int
    """How many nodes it has."""
    gpus: "GpuCount"
    """GPUs: free ones and all."""


class Place(TypedDict):
    """One row: its number among the rows, and the line on which it begins, both from 1."""

    row: int
    """From 1."""
    line: int
    """The line on which it begins, from 1."""
    detail: str
    """What is wrong in this row."""


class Preview(TypedDict):
    """The first rows of a data set."""

    format: Literal["alpaca", "sharegpt"]
    """The form of the rows."""
    template: str | None
    """The template that they are written with; null = none was named."""
    rows: list["PreviewRow"]
    """The first rows."""
    has_more: bool
    """There are rows behind these that `first` leads to."""


class PreviewRow(TypedDict):
    """A row as it is in the file, and with a template also as the model would see it."""

    row: int
    """Its number, from 1."""
    line: int
    """The line on which it begins, from 1."""
    value: dict[str, Any]
    """The row as it is in the file."""
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
    """The id of the job."""
    status: "JobStatus"
    """Where the job stands."""
    version: int
    """Grows with every change; give it as `since` to wait for the next one."""
    current_steps: int | None
    """Steps that are done."""
    total_steps: int | None
    """Steps of the whole run."""
    percentage: float | None
    """Steps done of all, from 0 to 100."""
    epoch: float | None
    """Passes over the data so far."""
    loss: float | None
    """Null before the first step that was logged, and where training diverged."""
    eval_loss: float | None
    """The loss of the last evaluation."""
    learning_rate: float | None
    """At the last step that was logged."""
    tokens_per_second: float | None
    """The pace of training."""
    elapsed_seconds: float | None
    """Time that the run has taken."""
    eta_seconds: float | None
    """To the end of the whole job, the wait in the queues included; null where nothing can tell. While a run logs
    nothing it is told anew after a hundredth of itself, and after 15 s at the earliest.
    """
    eta_low_seconds: float | None
    """Lower bound of `eta_seconds`."""
    eta_high_seconds: float | None
    """Upper bound of `eta_seconds`."""
    expected_end_at: str | None
    """Moves later while what comes next (a line, an evaluation, a save) takes longer than it should."""
    expected_start_at: str | None
    """When it is expected to start: by the forecast of the queue and by Slurm's own word."""
    queue_position: int | None
    """From 1, in packtrain's own queue of the cluster; null once submitted."""
    stalled_since: str | None
    """Since when a running job has done no step though it should have."""
    updated_at: str
    """When the database had it so; of a job that has not begun, when its forecast was made."""
    observed_at: str | None
    """When the cluster last answered a question about this job."""
    unattended_since: NotRequired[str | None]
    """Since then no worker has driven the job's cluster: nothing newer is known; null while one does."""


_QueueEntry = TypedDict("_QueueEntry", {"class": Literal["urgent", "normal", "scavenger"]})


class QueueEntry(_QueueEntry):
    """A job that has not begun: its place, why it has it, what it waits for, and when it is expected to start."""

    expected_start_at: str | None
    """Of its next attempt."""
    expected_start_low_at: str | None
    """Hardly sooner than this."""
    expected_start_high_at: str | None
    """Hardly later than this."""
    expected_end_at: str | None
    """Of the whole job, by its owner's earlier runs."""
    expected_end_low_at: str | None
    """Hardly sooner than this."""
    expected_end_high_at: str | None
    """Hardly later than this."""
    position: int | None
    """From 1, in packtrain's own queue of the cluster; null once it is handed to Slurm."""
    job_id: str
    """Its id."""
    name: str
    """The job's name."""
    owner: str
    """Name of the user."""
    team: str
    """Team whose share it uses."""
    cluster: str
    """The cluster in whose queue it is."""
    status: "JobStatus"
    """Where the job stands."""
    rank: "Rank"
    """Why it has this place."""
    waits_for: "WaitsFor"
    """Why it has not begun."""


class QueueEntryPage(TypedDict):
    """QueueEntryPage of the API."""

    data: list["QueueEntry"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


_Rank = TypedDict("_Rank", {"class": Literal["urgent", "normal", "scavenger"]})


class Rank(_Rank):
    """Rank of a job among those that wait: its class, its owner's fair place, and its age."""

    team_level_fs: float | None
    """The team's share of the GPU time by what it had of late: above 1 it had less than its share; null where it had
    nothing.
    """
    user_level_fs: float | None
    """Likewise the owner's within the team."""
    fair_place: int
    """The owner's, by Fair Tree; 1 = first. Equal ones share a place."""
    fair_places: int
    """People who have a place."""
    age_seconds: float
    """Since it began to wait."""
    gpus: int
    """On all its nodes together."""


class Recipe(TypedDict):
    """A recipe: a job that names it may lay its own config over this one."""

    name: str
    """To name it by."""
    object: NotRequired[Literal["recipe"]]
    """What this is."""
    title: str
    """What it is, in a line."""
    description: str
    """What it is good for."""
    kind: Literal["train", "export", "predict"]
    """What is to be done: train, export (merge an adapter), predict."""
    data: str
    """What data it wants."""
    config: dict[str, Any]
    """LLaMA-Factory's arguments."""
    resources: dict[str, Any]
    """What is asked of Slurm."""
    parameters: list["Parameter"]
    """Arguments that people set when they use it."""


class RecipePage(TypedDict):
    """RecipePage of the API."""

    data: list["Recipe"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class Record(TypedDict):
    """With what exactly the job ran."""

    image_digest: NotRequired[str | None]
    """Of the training image."""
    llamafactory_version: NotRequired[str | None]
    """Of LLaMA-Factory in that image."""
    config_sha256: NotRequired[str | None]
    """Of the configuration file."""
    dataset_sha256s: NotRequired[list[str] | None]
    """Of each upload's content, and once a run has ended of the cluster's own data that it used."""
    script_sha256: NotRequired[str | None]
    """Of the batch script."""
    seed: NotRequired[int | None]
    """Of the run's random numbers."""


class RepeatCount(TypedDict):
    """Kept rows whose texts are exactly those of an earlier one."""

    repeated: int
    """Of these, how many say what an earlier one says."""
    compared: int
    """How many rows were compared."""
    one_in: int
    """Of so many rows one was compared."""


class Resources(TypedDict, total=False):
    """Resources asked of Slurm; a field that is left out is filled from the cluster's defaults, where they have it."""

    cluster: str | None
    """The name of a cluster of this service."""
    partition: str | None
    """Slurm's partition; several with commas: whichever can start it first."""
    nodes: int | None
    """How many nodes."""
    gpus_per_node: int | None
    """GPUs on each node."""
    gpu_type: str | None
    """As Slurm calls it."""
    cpus_per_gpu: int | None
    """CPUs for each GPU."""
    memory: str | None
    """Of each node: a number and K, M, G or T."""
    time_limit: str | None
    """Of an attempt, in sbatch's notation (days-hours:minutes:seconds)."""
    account: str | None
    """Slurm's account."""
    qos: str | None
    """Slurm's quality of service."""
    constraint: str | None
    """Features that nodes must have, in sbatch's notation."""
    exclude: str | None
    """Nodes to leave out, in sbatch's notation."""
    options: dict[str, bool | int | str] | None
    """Further options of sbatch, as far as the cluster's operator lets jobs have them."""


class ResumeFrom(TypedDict):
    """Checkpoint of an ended training that a new one goes on from: with its optimizer, its schedule and its steps."""

    job: NotRequired[str | None]
    """The training that left the checkpoint; in a retry or clone, that job itself."""
    checkpoint: NotRequired[int | None]
    """Which of its checkpoints; null = the newest whole one."""


_RetryFields = TypedDict("_RetryFields", {"class": Literal["urgent", "normal", "scavenger"]}, total=False)


class RetryFields(_RetryFields, total=False):
    """The body of `POST /jobs/{id}/retry`: what is to be other than before."""

    name: str | None
    """For people; by default one is made."""
    kind: Literal["train", "export", "predict"]
    """What is to be done: train, export (merge an adapter), predict."""
    recipe: str | None
    """A named starting point; config is laid over it."""
    config: dict[str, Any] | None
    """LLaMA-Factory's arguments."""
    config_yaml: str | None
    """LLaMA-Factory's arguments as the text of a YAML file; instead of `config`, or under it."""
    command: str | None
    """A command line such as `llamafactory-cli train config.yaml`; it is read, not run."""
    script: str | None
    """The text of a batch script with one training in it; it is read, not run."""
    files: dict[str, str]
    """Texts of the files that command or script names, by name."""
    datasets: list[str]
    """Ids of uploaded data sets."""
    source_job: str | None
    """The job whose adapter or model is used; one that has not ended is waited for."""
    checkpoint: int | None
    """Which of its checkpoints; none = the final one."""
    resume_from: "ResumeFrom | None"
    """Go on from what an ended training left, with its optimizer and its steps; source_job begins anew."""
    depends_on: list[str]
    """Jobs that must succeed first."""
    secrets: list[str]
    """Names of your secrets; the run finds them in its environment."""
    environment: dict[str, str]
    """Variables of the run, of a list: WANDB_PROJECT and the like, NCCL_DEBUG. Keys are secrets."""
    keep_checkpoints: int | None
    """So many of the newest stay once it has succeeded; null = all."""
    continuation: "Continuation | None"
    """By default a training goes on after preemption and a failed node, not after its time limit."""
    webhooks: list["JobWebhook"]
    """Endpoints that are told of this job alone."""
    resources: "Resources"
    """What is asked of Slurm."""
    team: str | None
    """Team whose share it uses; by default your usual one."""
    priority: int
    """Beyond -100 to 100, as it is set usually: administrators only."""
    held: bool
    """Keep it from being submitted until it is released."""
    tags: dict[str, str]
    """Labels to find it by."""
    with_dependents: bool
    """Retry your jobs too that failed since this one did; each waits for the new ones."""


class RoleCount(TypedDict):
    """Number of messages that a role speaks in all rows, dropped rows too."""

    role: str
    """The role."""
    messages: int
    """How many messages."""


class RowProblem(TypedDict):
    """All rows with the same thing wrong."""

    reason: "Reason"
    """The kind of defect."""
    outcome: "Outcome"
    """What becomes of such a row."""
    message: str
    """What happened, or what is wrong, in a sentence."""
    hint: str
    """What to do about it."""
    rows: int
    """How many rows have it."""
    places: list["Place"]
    """The first of these rows."""


class ScriptShare(TypedDict):
    """A script's share of the letters, from 0 to 1."""

    script: str
    """The writing system."""
    share: float
    """Of all letters, from 0 to 1."""


class Scripts(TypedDict):
    """In which scripts the kept rows are written: no guess at languages, of which several share a script."""

    rows: int
    """How many rows were looked at."""
    shares: list["ScriptShare"]
    """The most frequent first."""


class Secret(TypedDict):
    """A secret, without its value."""

    name: str
    """The name of the variable."""
    created_at: str
    """When it was made."""
    updated_at: str
    """When its value was last set."""


class SecretPage(TypedDict):
    """SecretPage of the API."""

    data: list["Secret"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class Series(TypedDict):
    """Two columns of the same length."""

    steps: list[int]
    """The step of each value."""
    values: list[float | None]
    """Null where training diverged (NaN)."""
    total: int
    """The number of all points, of which these were chosen."""


class ServeRequest(TypedDict):
    """A model that is to be served."""

    model: str
    """Any name of a model: of the catalogue, an alias, ft:..."""
    cluster: NotRequired[str | None]
    """By default the first that has the model."""


class Session(TypedDict):
    """A session that a browser keeps."""

    id: str
    """Its id."""
    user: str
    """The name of its user."""
    scopes: list["Scope"]
    """All that it may do."""
    signed_in_by: "SignInWay"
    """token: a token was shown; oidc: the site's own sign-in; proxy: a proxy in front named the user."""
    token_id: str | None
    """The token that was shown; the session ends with it."""
    address: str
    """The network address that it began from."""
    user_agent: str
    """The browser, as it calls itself."""
    is_current: bool
    """Whether it is the session that asks."""
    created_at: str
    """When it was made."""
    expires_at: str
    """The latest moment at which it ends."""


class SessionPage(TypedDict):
    """SessionPage of the API."""

    data: list["Session"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class SickNode(TypedDict):
    """A node on which runs failed by hardware's words: new attempts keep away from it for a while."""

    node: str
    """Its name."""
    faults: int
    """How many runs failed on it in the last day."""
    since: str
    """The first of these failures."""
    excluded_until: str
    """Until then no attempt is sent to it."""
    message: str
    """The newest failure."""
    job_ids: list[str]
    """Ids of the jobs that failed on it and that you may see, the newest first."""


class Simulation(TypedDict):
    """The workload, and its measures under each order."""

    jobs: int
    """Jobs of the workload that were started."""
    people: int
    """The people whose they are."""
    gpus: int
    """GPUs of the machine."""
    days: float
    """From the first submission to the last."""
    load: float
    """The part of all GPU time that was wanted until the last submission."""
    left_out: int
    """Jobs that never ran, or need more GPUs than there are."""
    made_up_limits: int
    """Jobs whose time limit nobody recorded."""
    orders: list["OrderMeasures"]
    """packtrain's and the yardsticks, each with its measures."""
    beyond_bound: int
    """Jobs that waited longer under packtrain's order than its bound."""


class SimulationRequest(TypedDict, total=False):
    """A workload to try the order of the queue on: one that is sent, or a cluster's own history."""

    trace: str | None
    """A workload in the Standard Workload Format, up to 20000 jobs (and 1 MB)."""
    history: bool
    """The newest 20000 jobs that ended on `cluster` instead."""
    cluster: str | None
    """With `history`: whose, where there are several clusters."""
    gpus: int | None
    """GPUs of the machine; else as the workload or the cluster says."""
    load: float | None
    """Submit in a shorter or longer time: this part of all GPU time is wanted."""
    teams: bool
    """The groups of `trace` are teams; else all are one."""
    seed: int
    """Of time limits that are made up."""
    half_life_seconds: float | None
    """Another half-life than that of the settings."""
    overdue_seconds: float | None
    """After which the oldest job comes first, likewise."""


class Team(TypedDict):
    """A team with its members."""

    name: str
    """Its name."""
    shares: int
    """Of the lab's GPU time, beside the shares of the other teams; 0 = only what no other team wants."""
    leads: list[str]
    """The names of its leads."""
    member_count: int
    """How many users are in it."""
    created_at: str
    """When it was made."""
    members: list["Member"]
    """By name."""


class TeamChange(TypedDict):
    """A change of a team."""

    shares: int
    """Of the lab's GPU time, beside the shares of the other teams; 0 = only what no other team wants."""


class TeamOf(TypedDict):
    """A team of a user."""

    name: str
    """Its name."""
    is_lead: bool
    """Whether the user leads it."""
    shares: int
    """The user's shares of what the team has."""


class TeamOfMe(TypedDict):
    """A team that the user is in."""

    name: str
    """Its name."""
    is_lead: bool
    """Whether the user leads it."""


class TeamRequest(TypedDict):
    """A team to make."""

    name: str
    """Never changed."""
    shares: NotRequired[int]
    """Of the lab's GPU time, beside the shares of the other teams; 0 = only what no other team wants."""
    members: NotRequired[list["NewMember"]]
    """Its first members."""


class TeamSummary(TypedDict):
    """A team, as a list shows it."""

    name: str
    """Its name."""
    shares: int
    """Of the lab's GPU time, beside the shares of the other teams; 0 = only what no other team wants."""
    leads: list[str]
    """The names of its leads."""
    member_count: int
    """How many users are in it."""
    created_at: str
    """When it was made."""


class TeamSummaryPage(TypedDict):
    """TeamSummaryPage of the API."""

    data: list["TeamSummary"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class TextPiece(TypedDict):
    """Some of the text that is read in training, special tokens written out."""

    text: str
    """The text."""
    trained: bool
    """The loss counts it: the model learns to say it."""
    read: bool
    """False: it is only learned in this place, and not read by what follows."""


class Token(TypedDict):
    """A token, without its text."""

    id: str
    """Its id, to revoke it by."""
    name: str
    """What it is for."""
    user: str
    """The name of its user."""
    scopes: list["Scope"]
    """All that it may do."""
    created_at: str
    """When it was made."""
    expires_at: str | None
    """The end of its validity; null = it has none."""


class TokenPage(TypedDict):
    """TokenPage of the API."""

    data: list["Token"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class TokenRequest(TypedDict):
    """A token to make."""

    name: str
    """The purpose of the token."""
    user: NotRequired[str | None]
    """Whose it is: oneself; for administrators anybody, who is made when new."""
    tool: NotRequired[str | None]
    """A tool (a service) that it is for, which is made when new; with `team`. For leads of the team and administrators.
    """
    team: NotRequired[str | None]
    """The team that the tool belongs to."""
    scopes: NotRequired["list[Scope] | None"]
    """Its permissions: submit implies read, admin both. By default what is usual for the user: submit, and admin for
    administrators. Never more than the token has that asks.
    """
    expires_at: NotRequired[str | None]
    """The end of its validity; null = it has none."""


class TokenRow(TypedDict):
    """Tokens that a person had of a served model."""

    user: str
    """The person."""
    model: str
    """The model's name."""
    requests: int
    """Answers, those among them that their reader left."""
    prompt_tokens: int
    """Tokens that were sent."""
    completion_tokens: int
    """Tokens that were generated, as far as they were read."""


_TokensJson = TypedDict("_TokensJson", {"from": str})


class TokensJson(_TokensJson):
    """Tokens of served models in a period, the most first."""

    to: str
    """Its last day (UTC), which is part of it."""
    data: list["TokenRow"]
    """The rows."""
    has_more: bool
    """Whether there are more than were asked for."""


class Trouble(TypedDict):
    """A step that failed at one job, or as a whole; it is tried again by itself."""

    job_id: str | None
    """Null: the step failed as a whole, or at what several jobs need."""
    subject: str | None
    """The id of a data set, or a hash; null for a job, and for the whole step."""
    step: str
    """The step of the worker, or of the server's feed."""
    error: str
    """The class of the error; the log and `packtrain clusters doctor` say more."""
    since: str
    """When it first failed, of the failures in a row."""
    failures: int
    """In a row."""
    next_try_at: str
    """When it is tried again."""


class Truncation(TypedDict):
    """Kept rows that are longer than cutoff_len: LLaMA-Factory cuts them there, and with packing leaves them out."""

    cutoff_len: int
    """The length that was asked about."""
    unit: Literal["characters", "tokens"]
    """Of the lengths that it was compared with."""
    rows_at_least: int
    """So many rows are longer, at least."""
    rows_at_most: int
    """So many rows are longer, at most."""


class UploadCompletionRequest(TypedDict, total=False):
    """The data set that an upload is to become."""

    name: str | None
    """By default the file's name without its ending."""
    format: Literal["alpaca", "sharegpt"] | None
    """Refuse the file unless it has this form. By default it is found out."""
    purpose: Literal["sft", "ranking", "kto", "pretrain", "questions"] | None
    """What it teaches, where its columns serve more than one; found out too."""
    entry: dict[str, Any] | None
    """LLaMA-Factory's entry for it: formatting, columns, tags, ranking, num_samples. By default all is found out."""


class UploadRequest(TypedDict):
    """A file that is to come in parts."""

    name: str
    """The file's, with its ending."""
    size_bytes: int
    """Of the whole file."""
    sha256: NotRequired[str | None]
    """Of the whole file: by it a broken upload is found again, and the whole is checked at its end."""


_UsageReport = TypedDict("_UsageReport", {"from": str})


class UsageReport(_UsageReport):
    """GPU time in a period, the greatest first."""

    by: "UsedBy"
    """Whose time each row is: a user's, a team's or a cluster's."""
    to: str
    """Its last day (UTC), which is part of it."""
    gpu_hours: float
    """Of all together."""
    data: list["UsageRow"]
    """The rows."""
    has_more: bool
    """Whether there are more than were asked for: the table has them."""


class UsageRow(TypedDict):
    """GPU time of a user, a team or a cluster."""

    name: str
    """The user, team or cluster."""
    gpu_seconds: float
    """GPUs times seconds; of what runs up to now."""
    gpu_hours: float
    """The same in hours."""
    jobs: int
    """Runs that ended in the period."""
    running_jobs: int
    """Jobs that run now."""


class User(TypedDict):
    """A user: a person, or a tool of a team."""

    name: str
    """The user's name."""
    display_name: str | None
    """What people call them."""
    email: str | None
    """Shown to the user and to administrators only."""
    role: "Role"
    """viewer looks, member submits too, administrator does all."""
    is_tool: bool
    """A service rather than a person; it belongs to one team."""
    teams: list["TeamOf"]
    """By name."""
    default_team: str
    """The team of jobs that name none."""
    disabled: bool
    """Switched off: its tokens do not hold."""
    created_at: str
    """When it was made."""


class UserChange(TypedDict, total=False):
    """A change of a user; what is left out stays. Users may change their own display_name, email and default_team."""

    role: "Role | None"
    """viewer looks, member submits too, administrator does all."""
    display_name: str | None
    """An empty text takes it away."""
    email: str | None
    """An empty text takes it away."""
    default_team: str | None
    """One of the user's teams."""
    disabled: bool | None
    """true ends the user's tokens, streams and waits within a second, and holds their jobs that wait; false lets the
    tokens hold again, and the jobs stay held.
    """
    running: Literal["let", "cancel"]
    """With `disabled`: whether running jobs go on to their end, or are cancelled."""


class UserPage(TypedDict):
    """UserPage of the API."""

    data: list["User"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class UserRequest(TypedDict):
    """A user to make."""

    name: str
    """Never changed; jobs name it as their owner."""
    display_name: NotRequired[str | None]
    """What people call them."""
    email: NotRequired[str | None]
    """Shown to the user and to administrators only."""
    role: NotRequired["Role"]
    """viewer looks, member submits too, administrator does all."""
    teams: NotRequired[list[str]]
    """At least one; the first is the usual one."""
    default_team: NotRequired[str | None]
    """Another of the teams to be the usual one."""


class Validation(TypedDict):
    """Validation of a request for a job: the findings, and the script, configuration and estimates of its run."""

    valid: bool
    """Whether such a job would be made."""
    errors: list["ProblemError"]
    """What keeps the job from being made."""
    warnings: list["ProblemError"]
    """What is doubtful."""
    notes: list[str]
    """Remarks: the configuration as it was read, a limit at which it would wait, a Slurm that was not asked."""
    script: str | None
    """The batch script that would be submitted; null where there are errors."""
    config_yaml: str | None
    """The configuration that would be run; null where there are errors."""
    estimates: "Estimates | None"
    """What the job would use; null where there are errors."""


class WaitsFor(TypedDict):
    """Reason for which the job has not begun."""

    kind: "WaitKind"
    """`window`: its turn to be handed to Slurm; `cluster`: the cluster, or Slurm, takes none now."""
    words: str
    """The same in a sentence."""
    limit: float | None
    """The limit's amount, where it waits for a limit."""
    in_use: float | None
    """How much of the limit is used."""
    held_by: list["HeldBy"]
    """At most ten, of those that you may see; the words count others."""


class Webhook(TypedDict):
    """A webhook, without its secret."""

    id: str
    """Its id."""
    kind: "WebhookKind"
    """The form of its notices."""
    url: str
    """Where its notices go."""
    events: list[str]
    """Names and patterns of the events that it is told of."""
    user: str
    """The name of the user who made it."""
    team: str | None
    """The team whose jobs it is told of."""
    job_id: str | None
    """The one job that it is told of; null, without a team: all of its user's."""
    created_at: str
    """When it was made."""
    disabled: bool
    """Whether it is switched off: nothing is sent, and nothing kept for it."""
    disabled_at: str | None
    """Since when it is switched off."""
    disabled_reason: str | None
    """By whom or why it was switched off."""
    failing_since: str | None
    """Since when nothing has arrived; null: the last notice did."""


class WebhookChange(TypedDict, total=False):
    """A change of an endpoint: what is left out (or null) stays."""

    url: str | None
    """Another target, of the same kind."""
    events: list[str] | None
    """All of its events."""
    disabled: bool | None
    """true switches it off, false on again, also after packtrain switched it off."""


class WebhookPage(TypedDict):
    """WebhookPage of the API."""

    data: list["Webhook"]
    """The rows."""
    has_more: bool
    """Whether another page follows."""
    next: str | None
    """Give it as `after` for the next page; null on the last."""


class WebhookRequest(TypedDict):
    """An endpoint to tell of events of all one's jobs, or of a team's."""

    url: str
    """Where notices go: http(s)://..., or mailto:NAME@DOMAIN for mail."""
    kind: NotRequired["WebhookKind"]
    """The form of the notices: signed JSON (Standard Webhooks), a text for Slack or Mattermost, mail; or the three ends
    of trainings as OpenAI's webhooks tell them.
    """
    events: NotRequired[list[str]]
    """Which events: exact names (job.failed, warning), job.* or checkpoint.*; by default the ends."""
    secret: NotRequired[str | None]
    """Of kinds standard and openai: a secret of your own to sign with, whsec_ and 24 to 64 bytes in base64; by default
    one is made.
    """
    team: NotRequired[str | None]
    """The team whose jobs it is told of, for its leads; by default it is your own jobs."""
