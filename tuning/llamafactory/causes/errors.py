"""Causes by errors in a run's own output: LLaMA-Factory's, its libraries', lost peers."""

from tuning.llamafactory.causes.row import LOOK, MAYBE_MEMORY, MORE_MEMORY, TAMER, Row

_SMALLER = (
    "lower per_device_train_batch_size and raise gradient_accumulation_steps, shorten cutoff_len, "
    "or use quantization_bit: 4"
)
_FREE = "free space on the cluster, or keep fewer checkpoints with save_total_limit; then retry"
_DATA = "look at the report of the data set: its name, its columns and its lines"
_CHECK = "run packtrain's check of the configuration (`packtrain check`)"
_MODEL = "look at the folder of the model on the cluster, or name another model"
_OFFLINE = "the nodes cannot fetch it: use a path on the cluster, or a model of its catalogue"
_PACKAGE = "leave out the argument that needs it, or ask the operator for another image"
_LET_IN = "packtrain's account on the cluster must be able to read it (of the output: to write it)"
_BAD_NODE = "retry; if it happens again, `exclude` that node and tell the site"
_NO_GPU = (
    "ask the operator: `container_gpu_flag` of the cluster, the driver of the node, and the GPUs that were asked for"
)
_AS_MANY = "go on with as many GPUs as before, or begin anew: what DeepSpeed saved of the optimizer is in as many parts"
_NODES = "retry; if it happens again, exclude the nodes that it ran on and tell the site"

# No run survives these, whoever says them.
USED_UP = (
    Row(
        "cuda_out_of_memory",
        "stderr",
        r"(CUDA|HIP) out of memory|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED|Cuda failure.*out of memory",
        "the GPU's memory ran out: {line}",
        _SMALLER,
    ),
    Row(
        "out_of_memory",
        "stderr",
        r"insufficient shared memory|killed by signal: Bus error",
        "the host's shared memory ran out: {line}",
        "ask for more `memory`, or set dataloader_num_workers: 0",
    ),
    Row(
        "out_of_memory",
        "stderr",
        r"DefaultCPUAllocator: (can't|not enough)|^MemoryError|ArrayMemoryError|std::bad_alloc|Cannot allocate memory"
        r"|DataLoader worker .*killed by signal: Killed|(realloc|allocation) of (size )?\d+( bytes)? failed",
        "the host's memory ran out (not the GPU's): {line}",
        MORE_MEMORY,
    ),
    Row("quota", "stderr", r"Disk quota exceeded", "the account's quota on the cluster is used up: {line}", _FREE),
    Row(
        "disk_full",
        "stderr",
        r"No space left on device|StorageFull|inline_container.*unexpected pos",
        "the disk is full: {line}",
        _FREE,
    ),
    Row("incomplete", "exit_code", "0", "the run ended without leaving {missing}", LOOK),
)

_DATA_UNUSABLE = "the data cannot be used: {line}"
_NOT_ACCEPTED = "the LLaMA-Factory of the image does not accept an argument: {line}"
RAISED = (
    Row(
        "gpu",
        "stderr",
        r"uncorrectable (NVLink|ECC) error|device\(s\) is/are busy or unavailable|fallen off the bus|GPU is lost",
        "a GPU of the node does not work: {line}",
        _BAD_NODE,
    ),
    Row(
        "no_gpu",
        "raised",
        r"Found no NVIDIA driver|No (CUDA|HIP) GPUs are available|no (CUDA|ROCm)-capable device",
        "the run sees no GPU: {line}",
        _NO_GPU,
    ),
    Row(
        "file_system",
        "raised",
        r"Input/output error|Stale (NFS )?file handle|Transport endpoint is not connected|Remote I/O error",
        "a file system of the node failed: {line}",
        _BAD_NODE,
    ),
    Row(
        "model_files",
        "raised",
        r"ProxyError|Unable to connect to proxy|Tunnel connection failed",
        "the model is not on the cluster, and the way out is closed: {line}",
        _OFFLINE,
    ),
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
        r"contains either `inf`, `nan`|loss scale already at minimum|FloatingPointError",
        "the model's numbers are no longer finite: {line}",
        TAMER,
    ),
    Row(
        "dataset",
        "last",
        r"Undefined dataset|Cannot find valid samples|JSON parse error|Cannot open data|Expected a string, got"
        r"|JSONDecodeError|not applicable in the current training stage",
        _DATA_UNUSABLE,
        _DATA,
    ),
    Row(
        "permission",
        "raised",
        r"PermissionError|Permission denied|Read-only file system",
        "a file may not be read or written: {line}",
        _LET_IN,
    ),
    Row(
        "model_files",
        "last",
        r"OfflineModeIsEnabled|LocalEntryNotFoundError|couldn't connect to 'https|GatedRepo|RepositoryNotFound",
        "the model is not on the cluster: {line}",
        _OFFLINE,
    ),
    Row(
        "model_files",
        "last",
        r"no file named (pytorch_)?model|does not appear to have a file named|Unrecognized (model|configuration)"
        r"|Incorrect path_or_model_id|not a valid model identifier|Repo id must|HFValidationError"
        r"|Can't load (token|the )|Couldn't instantiate the backend tokenizer"
        r"|Can't find (a valid checkpoint|'?adapter_config)|No such file or directory: .*\.(safetensors|bin)\b",
        "a file of the model is missing, or may not be read: {line}",
        _MODEL,
    ),
    Row(
        "model_files",
        "last",
        r"SafetensorError|deserializing header|size mismatch for|PytorchStreamReader|invalid load key"
        r"|Unable to load weights|not a valid JSON file",
        "a file of the model is broken, or of another model: {line}",
        _MODEL,
    ),
    Row(
        "model_files",
        "stderr",
        r"\| MISMATCH +\|",
        "the weights have another shape than config.json says: {line}",
        _MODEL,
    ),
    Row(
        "import",
        "last",
        r"ModuleNotFoundError|ImportError|PackageNotFoundError|is required for a normal functioning",
        "a Python package is missing in the image, or of the wrong version: {line}",
        _PACKAGE,
    ),
    Row(
        "config",
        "last",
        r"HfArgumentParser|[Oo]mega[Cc]onf|GrammarParse|IntervalStrategy|EarlyStoppingCallback"
        r"|is not a valid \w+, please|Template .* does not exist|should be a positive integer value, but got"
        r"|not supported between instances of '(str|int|float)' and",
        _NOT_ACCEPTED,
        _CHECK,
    ),
    Row("config", "frames", r"llamafactory/hparams/|transformers/hf_argparser", _NOT_ACCEPTED, _CHECK),
    Row("dataset", "last", r"DatasetGenerationError|CastError", _DATA_UNUSABLE, _DATA),
    Row("dataset", "frames", r"llamafactory/data/", _DATA_UNUSABLE, _DATA),
)

# Often only the echo of another process's end: behind everything that says more.
BETWEEN_PROCESSES = (
    Row(
        "nccl",
        "stderr",
        r"NCCL error|nccl(Unhandled|System|Internal|Remote|InvalidUsage)|Watchdog caught collective operation timeout"
        r"|^socket\w+: ",
        "the GPUs lost each other (NCCL): {line}",
        _NODES,
    ),
    Row(
        "killed",
        "stderr",
        r"Signal 9 \(SIGKILL\)|exitcode *: -9\b",
        "a training process was killed: {line}",
        MAYBE_MEMORY,
    ),
    Row(
        "crashed",
        "stderr",
        r"Signal (11 \(SIGSEGV\)|7 \(SIGBUS\))|exitcode *: -(11|7)\b",
        "a training process crashed: {line}",
        LOOK,
    ),
    Row("aborted", "stderr", r"Signal 6 \(SIGABRT\)|exitcode *: -6\b", "a training process aborted: {line}", LOOK),
    Row(
        "rendezvous",
        "stderr",
        r"Rendezvous\w*(Error|Exception)|Dist(Store|Network|Backend)Error|EADDRINUSE|Address already in use"
        r"|waiting for clients|[Cc]onnection (closed|reset) by peer|connectFullMesh|Timed out waiting .*(recv|send)",
        "the processes did not find, or lost, each other: {line}",
        _NODES,
    ),
)
