"""Causes in the arguments: what LLaMA-Factory or its libraries do not take, or not together."""

from tuning.llamafactory.causes.row import CHECK, NOT_TOGETHER, Row

_NOT_ACCEPTED = "the LLaMA-Factory of the image does not accept an argument: {line}"
_NO_ARGUMENT = r"torch/distributed/|torch/cuda/|Dist\w*Error|CUDA|NCCL|TCPStore|MemoryError|\[Errno"
"""Transformers sets up GPUs and processes while it reads its arguments."""
_TARGET = "lora_target: all, or names of modules that this model has"
_AMPERE = "flash_attn: sdpa (or fa2 with bf16 or fp16 on GPUs from Ampere on), or another gpu_type"
_BF16 = "fp16: true in place of bf16, or another gpu_type; a run that sees no GPU says the same"
_DTYPE = "bf16: true (or fp16) with the model in the same type; leave out pure_bf16 and upcast_*"
_RESUMED = (
    "go on with the method, the optimizer and the number of layers that the checkpoint was made with, or begin anew"
)
_NO_GRAD = "nothing is trained: see finetuning_type, freeze_*, lora_target, and disable_gradient_checkpointing: true"
_DEVICES = "leave out device_map and the like: one process has one GPU; for large models deepspeed: zero3"
_DEEPSPEED = 'use one of the presets (zero2, zero3, ...), or "auto" for what the configuration says itself'
_TRUST = "trust_remote_code: true, where the cluster allows it"
_MODALITY = "take the template of this model, and data that it can read: not every model sees pictures"
_QUANTIZED = (
    "a quantized model is trained with finetuning_type: lora, without quantization_bit where it is quantized already"
)

ARGUMENTS = (
    Row(
        "config",
        "last",
        r"[Tt]arget[ _]modules?\b.*(not found|is not supported|No modules)|[Nn]o modules were targeted"
        r"|specify .?target_modules",
        NOT_TOGETHER,
        _TARGET,
    ),
    Row(
        "config",
        "last",
        r"only supports? (Ampere|fp16 and bf16|torch\.float16)|FlashAttention.*(only supports?|requires)"
        r"|No available kernel|No operator found for|[Ff]lash ?[Aa]ttention.*(head dim|not support)",
        NOT_TOGETHER,
        _AMPERE,
    ),
    Row(
        "config",
        "last",
        r"doesn't support bf16|[Bb]f(loat)?16 .*(not supported|requires|only supported)"
        r"|does not support bf(loat)?16",
        NOT_TOGETHER,
        _BF16,
        also=r"[Cc]ould not find any nv files|CUDA initialization: |find libnvidia-ml\.so",
    ),
    Row(
        "config",
        "last",
        r"compute capability (>|of at least|\d+\.\d or)|requires? compute capability",
        NOT_TOGETHER,
        "another gpu_type, or leave out what only newer GPUs can (fp8, flash_attn, some quantizations)",
    ),
    Row(
        "config",
        "last",
        r"the same dtype|must have the same type as|[Ss]calar ?[Tt]ype|mixed dtype|Attempting to unscale FP16"
        r"|expected .* dtype .* but|[Ff]latten .*dtype|type \(.*\) .*type \(.*\) should be the same"
        r"|not implemented for '(Half|BFloat16|Float8)",
        NOT_TOGETHER,
        _DTYPE,
    ),
    Row(
        "config",
        "last",
        r"parameter group(s|\b.*doesn't match)|doesn't match the size of optimizer"
        r"|different number of parameter groups",
        NOT_TOGETHER,
        _RESUMED,
    ),
    Row(
        "config",
        "last",
        r"does not require grad|can (only )?require gradients|requires_grad flags of leaf"
        r"|None of the inputs have requires_grad|no trainable parameters|[Ll]eaf [Vv]ariable that requires grad"
        r"|optimizer got an empty parameter list",
        NOT_TOGETHER,
        _NO_GRAD,
    ),
    Row(
        "config",
        "last",
        r"to be on (the )?same device|the same device as|found at least two devices|different device than the one"
        r"|found one of them on device|device_map|out of meta tensor|on (the )?meta (device|tensor)|offload_folder",
        NOT_TOGETHER,
        _DEVICES,
    ),
    Row(
        "config",
        "last",
        r"batch related parameters|DeepSpeed config values|DeepSpeedConfigError|DeepSpeed\w*Config\b"
        r"|ZeRO-?[123]? .*(incompatible|not (compatible|supported))|DeepSpeed Zero-3 is not|(?i:zero stage \d)"
        r"|gradient partitioning|'Dummy(Optim|Scheduler)' object"
        r"|'weight' must be 2-D|DeepSpeed.*not (support|compatible)",
        NOT_TOGETHER,
        _DEEPSPEED,
    ),
    Row(
        "config",
        "last",
        r"JSONDecodeError|ValidationError|AssertionError|KeyError",
        NOT_TOGETHER,
        _DEEPSPEED,
        within=r"deepspeed/runtime/(config|zero/config)|transformers/integrations/deepspeed",
    ),
    Row(
        "config",
        "last",
        r"environment variable \w+ expected, but not set|Default process group has not been initialized",
        NOT_TOGETHER,
        "deepspeed and fsdp are for several processes: leave them out, or ask for more GPUs",
    ),
    Row("config", "last", r"trust_remote_code", NOT_TOGETHER, _TRUST),
    Row(
        "config",
        "last",
        r"does not support (image|video|audio)s? input|correct `template` is used",
        NOT_TOGETHER,
        _MODALITY,
    ),
    Row(
        "config",
        "last",
        r"purely quantized|is not supported for `?[48]-bit|loaded in [48]-bit|already quantized"
        r"|quantized model",
        NOT_TOGETHER,
        _QUANTIZED,
    ),
    Row(
        "config",
        "last",
        r"finished reduction in the prior iteration|mark a variable ready only once",
        NOT_TOGETHER,
        "ddp_find_unused_parameters: true, or deepspeed: zero2",
    ),
    Row(
        "config",
        "last",
        r"CheckpointError|Recomputed values for the following|different number of tensors was saved",
        NOT_TOGETHER,
        "use_reentrant_gc: true, or disable_gradient_checkpointing: true",
    ),
    Row(
        "config",
        "stderr",
        r": error: (unrecognized arguments|argument -|the following arguments are|ambiguous option"
        r"|one of the arguments)",
        _NOT_ACCEPTED,
        CHECK,
    ),
    Row(
        "config",
        "last",
        r"HfArgumentParser|[Oo]mega[Cc]onf|GrammarParse|IntervalStrategy|EarlyStoppingCallback"
        r"|Unknown (task|finetuning|optimi[sz]er|scheduler)|[Mm]odel does not support|Cannot find modules: "
        r"|must be divisible by `?num"
        r"|is not a valid \w+, please|Template .* does not exist|yaml\.\w+\.\w+Error"
        r"|should be a positive integer value, but got (?!num_samples)"
        r"|not supported between instances of '(str|int|float)' and",
        _NOT_ACCEPTED,
        CHECK,
    ),
)

PARSED_ARGUMENTS = (
    Row(
        "config",
        "last",
        r"",
        _NOT_ACCEPTED,
        CHECK,
        within=r"llamafactory/hparams/|transformers/hf_argparser",
        unless=_NO_ARGUMENT,
    ),
)
