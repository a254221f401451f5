"""Causes in space that is used up: of the GPU, of the host, on a disk. No run survives these, whoever says them."""

from tuning.llamafactory.causes.row import LOOK, MORE_MEMORY, SHARED, Row

_SMALLER = (
    "lower per_device_train_batch_size and raise gradient_accumulation_steps, shorten cutoff_len, "
    "or use quantization_bit: 4"
)
_FREE = "free space on the cluster, or keep fewer checkpoints with save_total_limit; then retry"
_NODE_DISK = "the disk of the node itself is full: retry with that node in `exclude`, and tell the site"
_LOCKED = "the site limits locked memory (`ulimit -l`), which InfiniBand needs: tell the operator"
_SHARED_MEMORY_FULL = "the host's shared memory ran out: {line}"
_NO_DISK = r"(?i)(container process|namespace|cgroup|/dev/shm|posix_fallocate|</torch_)"

_MEMORY = (
    Row(
        "cuda_out_of_memory",
        "stderr",
        r"(CUDA|HIP|NPU|XPU)( driver)?( error:)? out of memory|^torch\.(cuda\.)?OutOfMemoryError"
        r"|\[CUDA\]: out of memory|cudaErrorMemoryAllocation|CU(BLAS|DNN|SOLVER|SPARSE)_STATUS_ALLOC_FAILED"
        r"|CU(BLAS|DNN|SOLVER|SPARSE)_STATUS_NOT_INITIALIZED|CUSOLVER_STATUS_INTERNAL_ERROR.*cusolverDnCreate"
        r"|Cuda failure.*out of memory|Failed to CUDA [cm]alloc|enough GPU RAM|cudaMalloc failed|NVML_SUCCESS == r"
        r"|No executable batch size found|memory for the cache blocks|less than desired GPU memory"
        r"|valid cuDNN algorithm to run|than the available KV cache memory|increase --mem-fraction-static",
        "the GPU's memory ran out: {line}",
        _SMALLER,
    ),
    Row(
        "nccl",
        "stderr",
        r"ibv_\w+.*(failed|error|Cannot allocate)",
        "the GPUs cannot use InfiniBand (NCCL): {line}",
        _LOCKED,
        also=r"RLIMIT_MEMLOCK",
    ),
    Row(
        "out_of_memory",
        "stderr",
        r"(insufficient|out of) shared memory|[Bb]us error|SIGBUS|(exitcode *:|return code =) -7\b"
        r"|shared memory segment"
        r"|/dev/shm/\S*.*(fail|No space)|(fail|No space).*/dev/shm|posix_fallocate failed|</torch_\S*> ?.*",
        _SHARED_MEMORY_FULL,
        SHARED,
        unless=r"Too many open files",
    ),
    Row(
        "out_of_memory",
        "raised",
        r"No space left on device",
        _SHARED_MEMORY_FULL,
        SHARED,
        within=r"multiprocess(ing)?/(synchronize|heap|shared_memory|context)|torch/multiprocessing",
    ),
    Row(
        "out_of_memory",
        "stderr",
        r"DefaultCPUAllocator: (can't|not enough)|^([\w.]+\.)?\w*MemoryError\b|bad_alloc|Cannot allocate memory"
        r"|DataLoader worker .*killed by signal: Killed|abruptly died"
        r"|process (pool was )?terminated abruptly|was unexpectedly terminated"
        r"|((m|re)alloc|allocation) of (size )?\d+( bytes)? failed"
        r"|[Uu]nable to allocate [\d.]+ \w+ for an array|CUDA host alloc|unable to (pin|mmap) .*memory",
        "the host's memory ran out (not the GPU's): {line}",
        MORE_MEMORY,
        unless=r"ibv_",
    ),
)

USED_UP = (
    *_MEMORY,
    Row(
        "quota",
        "stderr",
        r"(?i)disk quota exceeded|quotaexceeded|\[errno 122\]|os error 122\)|code: 122\b",
        "the account's quota on the cluster is used up: {line}",
        _FREE,
    ),
    Row(
        "disk_full",
        "stderr",
        r"(?i)^(FATAL|ERROR|WARNING|INFO) *:.*no space left on device|no space left on device.*'/(var/)?tmp/",
        "the disk of the node is full: {line}",
        _NODE_DISK,
        unless=_NO_DISK,
    ),
    Row(
        "disk_full",
        "stderr",
        r"(?i)no space left on device|storagefull|pytorchstreamwriter failed|inline_container.*(unexpected pos|write)"
        r"|not enough (free )?(disk )?space|basic_ios::clear: iostream|\d+ requested and \d+ written|\[errno 28\]"
        r"|os error 28\)|disk (is )?full",
        "the disk is full: {line}",
        _FREE,
        unless=_NO_DISK,
    ),
    Row("incomplete", "exit_code", "0", "the run ended without leaving {missing}", LOOK),
)
