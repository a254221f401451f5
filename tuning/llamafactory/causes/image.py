"""Causes in the training image: it is not started, does not fit the node's GPU, or lacks or has other packages."""

from tuning.llamafactory.causes.row import IMAGE, Row

_PACKAGE = "leave out the argument that needs it, or ask the operator for another image"
_NEWER = "the model is newer than the image's transformers: another model, or ask the operator for a newer image"
_NAMESPACES = "the node does not let Apptainer make namespaces: `exclude` it, and tell the operator"
_DRIVER = "the driver of the node does not fit the image's CUDA: other nodes (`exclude`, gpu_type), or ask the operator"
_KERNEL = "the image was not built for this GPU: another gpu_type, or ask the operator for another image"
_NO_GPU = (
    "ask the operator: `container_gpu_flag` of the cluster, the driver of the node, and the GPUs that were asked for"
)
_BUILD = (
    "the image cannot compile what this needs: leave out the argument (DeepSpeed without offloading, another optim), "
    "or ask the operator for another image"
)
_PICKLED = "the image's torch does not read such files: weights as safetensors, or ask the operator for another image"

NOT_STARTED = (
    Row(
        "container",
        "stderr",
        r"(?i)failed to create (\w+ )?(\w+ )?(namespace|container process)|namespace requires privileges"
        r"|max_user_namespaces|unshare.*(not permitted|no space)|creating new namespace failed",
        "the image could not be started: {line}",
        _NAMESPACES,
    ),
    Row(
        "container",
        "stderr",
        r"^FATAL *: |^ERROR(  : |:   )|nvidia-container-cli: |container creation failed",
        "the image could not be started: {line}",
        IMAGE,
        also=r"^fuse: |squashfuse",
    ),
)

GPU_OF_THE_IMAGE = (
    Row(
        "container",
        "stderr",
        r"driver on your system is too old|driver version is insufficient|Error 80[34]\b|forward compatibility was"
        r"|unsupported (display driver|toolchain)|cudaError(InsufficientDriver|SystemDriverMismatch|CompatNotSupported)"
        r"|Driver/library version mismatch|driver is too old|update your GPU driver|required by /\.singularity\.d/",
        "the driver of the node and the image do not fit: {line}",
        _DRIVER,
    ),
    Row(
        "container",
        "stderr",
        r"no kernel image is available|invalid device function|named symbol not found|cudaErrorNoKernelImage"
        r"|device kernel image is invalid|no kernel found to launch|CUDNN_STATUS_ARCH_MISMATCH"
        r"|not compiled with CUDA|invalid value for --gpu-architecture"
        r"|Value 'sm_\w+' is not defined for option|Unsupported gpu architecture",
        "the image was built for other GPUs: {line}",
        _KERNEL,
        also=r"is not compatible with the current PyTorch|no longer supports this GPU",
    ),
    Row(
        "container",
        "raised",
        r"Found no NVIDIA driver|might not have a CUDA gpu|[Nn]o (CUDA |HIP )?GPUs? (are available|found)"
        r"|no (CUDA|ROCm)-capable device"
        r"|cudaErrorNoDevice|invalid device ordinal|Attempting to deserialize object on (a )?CUDA device"
        r"|without GPU support|No GPU or XPU|(requires|need) (a |at least one )?(CUDA )?GPU\b(?! with)"
        r"|Duplicate GPU detected|Invalid device id|device < num_gpus"
        r"|NVMLError_(LibraryNotFound|DriverNotLoaded)",
        "the run sees no GPU, or fewer than it was to have: {line}",
        _NO_GPU,
        also=r"[Cc]ould not find any nv files|CUDA initialization: ",
    ),
)

NO_DRIVER = (
    Row("container", "last", r"libcuda\.so", "the driver of the node is not seen in the image: {line}", _NO_GPU),
)

NEW_MODELS = (
    Row(
        "import",
        "last",
        r"does not recognize this architecture|untagged enum|Tokenizer class \S+ does not exist"
        r"|rope_scaling`? must (be a dictionary|contain)|[Uu]nrecognized keys in `rope_"
        r"|version of Transformers is out of date|Unrecognized configuration class"
        r"|DynamicCache' object has no attribute|Unknown RoPE scaling|add_prefix_space.*does not match",
        "the image does not know such a model: {line}",
        _NEWER,
    ),
    Row(
        "import",
        "last",
        r"^KeyError: ",
        "the image does not know such a model: {line}",
        _NEWER,
        within=r"transformers/models/auto/",
    ),
    Row(
        "import",
        "last",
        r"serious vulnerability issue in `?torch\.load|to upgrade torch to at least|Weights only load failed",
        "the image's torch does not load such files: {line}",
        _PICKLED,
        unless=r"invalid load key|PytorchStreamReader",
    ),
)

# Some program that does without says the same: behind all that says more.
NOT_LINKED = (
    Row(
        "container",
        "stderr",
        r"error while loading shared libraries: .*Permission denied",
        "the image could not be started: {line}",
        _NAMESPACES,
    ),
    Row(
        "import",
        "stderr",
        r"error while loading shared libraries: ",
        "a library of the image is missing, or of the wrong version: {line}",
        _PACKAGE,
    ),
)

PACKAGES = (
    Row(
        "import",
        "stderr",
        r"^(Could not load library |Unable to load any of \{)lib\w+|Cannot load symbol cu\w+"
        r"|^/\S+: (Error while finding module specification|No module named )|MKL_THREADING_LAYER=\w+ is",
        "a library of the image is missing, or of the wrong version: {line}",
        _PACKAGE,
    ),
    Row(
        "import",
        "last",
        r"CUDA_HOME|Error (building|compiling objects for) extension|C compiler|cannot find -l|Unable to JIT load"
        r"|[Nn]inja (is required|build stopped)|ninja: build stopped|bin/nvcc|nvcc (fatal|not found)|CUDA Setup failed"
        r"|CUDA binary not found"
        r"|does(n't| not) match the version torch was compiled|mismatches the version that was used to compile"
        r"|CUDAMismatch|MissingCUDA|' object has no attribute 'ds_opt|fatal error: .*\.h\b"
        r"|\['?\S*(gcc|g\+\+|/cc|ninja|nvcc)'"
        r"|C\+\+ compiler|ptxas",
        "the image cannot compile what the run needs: {line}",
        _BUILD,
        also=r"cannot find -l|fatal error: |nvcc fatal|/ld: |^FAILED: |ninja: build stopped|undefined reference",
    ),
    Row(
        "import",
        "last",
        r"ModuleNotFoundError|ImportError|PackageNotFoundError|is required for a normal functioning|undefined symbol"
        r"|cannot open shared object file|GLIBC(XX)?_[\d.]+' not found|operator torchvision::|Failed to import "
        r"|was not found in your environment|got an unexpected keyword argument|module '?[\w.-]+'? has no attribute"
        r"|has no attribute 'c(adam|dequantize|gemm|quantize)|str2optimizer|Numpy is not available|dtype size changed"
        r"|cached in a LocalFileSystem|compiled without GPU support|pip install|is not installed|binary incompatibility"
        r"|VersionConflict|DistributionNotFound|[Pp]lease (re)?(install|update|upgrade)\b|please,? (upgrade|update) "
        r"|in your current \w+ version|requires? `?[\w-]+`?\s?(>=|==|<|>)|version incompatibility"
        r"|incompatible function arguments|requires \S+ to be installed"
        r"|Unable to avoid copy while creating an array|Invalid pattern: '\*\*'",
        "a Python package is missing in the image, or of the wrong version: {line}",
        _PACKAGE,
    ),
)
