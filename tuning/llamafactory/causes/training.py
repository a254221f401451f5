"""Causes in training itself: trackers of experiments, numbers that are not finite, and what only a person can judge."""

from tuning.llamafactory.causes.row import TAMER, Row

_TRACKER = (
    "report_to: none, or hand in its key as a secret (WANDB_API_KEY and the like); nodes without a way out: offline"
)
_AS_MANY = "go on with as many GPUs as before, or begin anew: what DeepSpeed saved of the optimizer is in as many parts"

_KERNELS = (
    "retry; if it happens again on other nodes, flash_attn: disabled, or without the kernels that were switched on"
)
_THREADS = "lower preprocessing_num_workers and dataloader_num_workers: the node lets a person have so many threads"

TRACKERS = (
    Row(
        "config",
        "last",
        r"\bwandb\b|api\.wandb\.ai|WANDB_|\b[Ss]wan[Ll]ab\b|COMET_API_KEY|comet_ml|[Nn]eptune|[Mm]lflow|clearml",
        "the tracker of experiments could not be used: {line}",
        _TRACKER,
        unless=r"ModuleNotFoundError|ImportError|not installed|pip install|\[Errno (2|13|20|21|30)\]",
        also=r"^wandb: ERROR",
    ),
    Row(
        "config",
        "last",
        r"^(\w+\.)*(\w*Connection\w*|BrokenPipe|Timeout|Runtime|Value)(Error|Exception)\b",
        "the tracker of experiments could not be used: {line}",
        _TRACKER,
        raised_by=r"/(wandb|swanlab|mlflow|comet_ml|neptune|clearml|trackio)/",
        also=r"^wandb: ERROR",
    ),
)

NUMBERS = (
    Row(
        "gpu_count",
        "raised",
        r"used a DP world size of \d+ but the current world size is",
        "it was saved by another number of GPUs: {line}",
        _AS_MANY,
    ),
    Row(
        "diverged",
        "raised",
        r"contains either `inf`, `nan`|loss scale already at minimum|FloatingPointError|returned nan values in its"
        r"|satisfy the constraint .*found invalid values",
        "the model's numbers are no longer finite: {line}",
        TAMER,
    ),
    Row(
        "permission",
        "raised",
        r"PermissionError|Permission denied|Read-only file system|\[Errno (13|30|1)\]|Operation not permitted",
        "a file may not be read or written: {line}",
        "packtrain's account on the cluster must be able to read it (of the output: to write it)",
    ),
)

OTHER_ERRORS = (
    Row(
        "training_error",
        "last",
        r"Too many open files",
        "{line}",
        "set dataloader_num_workers and preprocessing_num_workers lower: the node lets a process open so many files",
    ),
    Row(
        "training_error",
        "last",
        r"illegal memory access|misaligned address|CU(BLAS|DNN)_STATUS_(EXECUTION|INTERNAL|MAPPING)\w*"
        r"|CUBLAS_STATUS_(INVALID_VALUE|NOT_SUPPORTED)",
        "{line}",
        _KERNELS,
    ),
    Row("training_error", "stderr", r"(what\(\)|with exception): .*(illegal (memory access|instruction)|misaligned)",
        "{line}", _KERNELS),
    Row("training_error", "stderr", r"pthread_create failed|^libgomp: Thread creation failed", "{line}", _THREADS),
    Row("training_error", "last", r"[Cc](annot|an't) (pickle|get local object)", "{line}",
        "leave out preprocessing_num_workers and dataloader_num_workers, whose processes are handed it"),
    Row("training_error", "last", r"re-initialize CUDA in forked", "{line}",
        "leave out preprocessing_num_workers and dataloader_num_workers"),
    Row("training_error", "last", r"start new thread|Resource temporarily unavailable", "{line}", _THREADS),
)  # fmt: skip
"""With a hint, although only a person can tell the cause."""
