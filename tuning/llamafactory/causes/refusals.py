"""Causes by what raised an error: a library that refuses what it is asked for, or does not fit another."""

from tuning.llamafactory.causes.row import NOT_TOGETHER, Row

_NAMED = "the error names an argument, or what the model cannot do: leave it out, or change it (`packtrain check`)"
_VERSIONS = "leave out the argument that needs it, take another model, or ask the operator for another image"
_ATTENTION = "flash_attn: sdpa, and without packing"
_KERNELS = "leave out enable_liger_kernel, use_unsloth and torch_compile, whose kernels this GPU or model cannot run"
_REPORT = "look at the data set's columns and lines (`packtrain datasets show`, for data that were uploaded or added)"
_LIBRARIES = (
    r"/(accelerate|peft|deepspeed|trl|bitsandbytes|hqq|gptqmodel|auto_gptq|unsloth(_zoo)?|liger_kernel|flash_attn|vllm"
    r"|galore_torch|apollo_torch|badam|torch/optim|torch/distributed/fsdp"
    r"|llamafactory/(model|train|extras)"
    r"|transformers/(trainer\w*|training_args\w*|optimization|modeling_\w+|masking_utils|core_model_loading"
    r"|generation|quantizers|integrations|models/auto|utils/quantization_config))[/.]"
)
"""Of what they raise on purpose nearly all is about how they were called: by the arguments, with that model."""
_ON_PURPOSE = rf"{_LIBRARIES}(?s:.*)\n +raise\b"
# Objects of no library's own: that they lack an attribute tells of no version.
_NO_LIBRARY = r"NoneType|Tensor|DataFrame|Series|Image\b|DistributedDataParallel|DataParallel"

VERSIONS = (
    Row(
        "import",
        "last",
        rf"^AttributeError: (type object )?'(?!{_NO_LIBRARY})[A-Z]\w+'( object)? has no attribute"
        r"|^NameError: name '\w+' is not defined|^TypeError: Descriptors cannot"
        r"|^SyntaxError: |^ValueError: mutable default"
        r"|^TypeError: .*\(\) (missing \d+ required|takes (from )?\d+ |got multiple values for)"
        r"|^TypeError: unsupported operand type\(s\) for \|",
        "packages of the image do not fit each other, or this model: {line}",
        _VERSIONS,
    ),
)

REFUSALS = (
    Row(
        "config",
        "last",
        r"shared tensors|tensors share memory|non contiguous tensor",
        "this model's weights cannot be saved in that form: {line}",
        "the model ties weights: leave out resize_vocab and additional_target, or train with finetuning_type: lora",
    ),
    Row(
        "config",
        "last",
        r"OutOfResources|out of resource: |torch\._(dynamo|inductor)\.exc|BackendCompilerFailed|InductorError"
        r"|^triton\.compiler\.",
        NOT_TOGETHER,
        _KERNELS,
    ),
    Row(
        "config",
        "last",
        r"^(AssertionError|IndexError|KeyError|RuntimeError|TypeError|ValueError)\b",
        NOT_TOGETHER,
        _KERNELS,
        raised_by=r"/triton/(backends|compiler)/",
        unless=r"CUDA",
    ),
    Row(
        "config",
        "last",
        r"^(ValueError|AssertionError|NotImplementedError)\b",
        NOT_TOGETHER,
        _NAMED,
        raised_by=_LIBRARIES,
    ),
    Row(
        "config", "last", r"^(RuntimeError|TypeError|KeyError|Exception)\b", NOT_TOGETHER, _NAMED, raised_by=_ON_PURPOSE
    ),
    Row("config", "last", r"^RuntimeError\b", NOT_TOGETHER, _ATTENTION, raised_by=r"/flash_attn/", unless=r"CUDA"),
    Row(
        "import",
        "last",
        r"^(AttributeError|TypeError|KeyError)\b",
        "the image's packages cannot read this model: {line}",
        "fetch the whole model anew, take another, or ask the operator for a newer image",
        within=r"in from_pretrained$|llamafactory/model/loader",
        raised_by=r"/(transformers|transformers_modules|tokenizers)/",
        unless="NoneType",
    ),
    Row(
        "import",
        "last",
        r"^(AttributeError|IndexError|KeyError|TypeError|ValueError)\b",
        "the model's own code does not fit the packages of the image: {line}",
        "take the model in the form that transformers knows, another one, or ask the operator for another image",
        raised_by=r"/transformers_modules/",
    ),
    Row(
        "config",
        "last",
        r"^(AttributeError|IndexError|KeyError|TypeError)\b",
        NOT_TOGETHER,
        "the method does not fit this model: another finetuning_type, or leave out its options (freeze_*, lora_*)",
        raised_by=r"llamafactory/model/(adapter|model_utils)",
    ),
    Row(
        "model_files",
        "last",
        r"^(AttributeError|IndexError|KeyError|TypeError)\b",
        "the model's configuration lacks what LLaMA-Factory looks for: {line}",
        "look at config.json and the tokenizer's files in the model's folder: fetch the whole model anew",
        raised_by=r"llamafactory/model/(loader|patcher)",
    ),
    Row(
        "model_files",
        "last",
        r"^(huggingface_hub\.[\w.]+|modelscope\.[\w.]+|Exception|OSError|RuntimeError|ValueError)\b",
        "the model could not be fetched: {line}",
        "the nodes cannot fetch it: use a path on the cluster, or a model of its catalogue",
        raised_by=r"/(huggingface_hub|hf_transfer|hf_xet|modelscope/hub)/",
    ),
    Row(
        "dataset",
        "last",
        r"^(ValueError|TypeError|KeyError|IndexError|AssertionError)\b|\bSchemaInferenceError\b|\bArrow\w+Error\b",
        "the data cannot be used: {line}",
        _REPORT,
        raised_by=r"/(datasets|pyarrow)/",
    ),
)
