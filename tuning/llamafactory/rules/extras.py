"""Rules about packages that LLaMA-Factory asks for and packtrain's training image does not hold.

They are warnings: a site may build an image that holds more.
"""

from collections.abc import Callable
from typing import Any

from tuning.llamafactory.rules.rule import ALL, RUNS, Rule, Run, names
from tuning.llamafactory.rules.training import REPORTERS

_NEEDED: tuple[tuple[str, Callable[[Run], Any], str], ...] = (
    ("use_galore", lambda a: a["use_galore"], "galore_torch"),
    ("use_apollo", lambda a: a["use_apollo"], "apollo-torch"),
    ("use_badam", lambda a: a["use_badam"], "badam"),
    ("use_adam_mini", lambda a: a["use_adam_mini"], "adam-mini"),
    ("use_unsloth", lambda a: a["use_unsloth"], "unsloth"),
    ("enable_liger_kernel", lambda a: a["enable_liger_kernel"], "liger-kernel"),
    ("use_liger_kernel", lambda a: a["use_liger_kernel"], "liger-kernel"),
    ("mixture_of_depths", lambda a: a["mixture_of_depths"], "mixture-of-depth"),
    ("use_kt", lambda a: a["use_kt"], "kt-kernel"),
    ("use_hyper_parallel", lambda a: a["use_hyper_parallel"], "hyper_parallel"),
    ("use_swanlab", lambda a: a["use_swanlab"], "swanlab"),
    (
        "report_to",
        lambda a: REPORTERS & set(names(a["report_to"])) - {"none", "all", "wandb"},
        "the logger's own package",
    ),
    ("fp8", lambda a: a["fp8"] and a["fp8_backend"] == "te", "transformer-engine"),
    ("fp8", lambda a: a["fp8"] and a["fp8_backend"] != "te", "torchao"),
    ("flash_attn", lambda a: a["flash_attn"] == "fa2", "flash-attn"),
    ("quantization_method", lambda a: a["quantization_bit"] and a["quantization_method"] == "hqq", "hqq"),
    ("quantization_method", lambda a: a["quantization_bit"] and a["quantization_method"] == "eetq", "eetq"),
    ("export_quantization_bit", lambda a: a["export_quantization_bit"], "gptqmodel and optimum"),
)

EXTRAS = tuple(
    Rule(
        argument,
        needed,
        f"{argument} needs {package}, which packtrain's own training image does not hold",
        "ask the operator whether the cluster's image does, or remove it",
        "packtrain",
        "warning",
        kinds=RUNS
        if argument in ("use_liger_kernel", "report_to", "fp8")
        else ALL,  # transformers' own: no export takes them
    )
    for argument, needed, package in _NEEDED
)
