"""Rules about steps, precision, evaluating, saving and reporting."""

from typing import Any

from tuning.llamafactory.rules.rule import TRAINS, Rule, Run, names

REPORTERS = frozenset(
    {"azure_ml", "clearml", "codecarbon", "comet_ml", "dagshub", "dvclive", "flyte", "kubeflow", "mlflow", "neptune"}
    | {"none", "swanlab", "tensorboard", "trackio", "wandb", "all"}
)
_SAMPLINGS = ("random", "sequential", "group_by_length")
_LOG_LEVELS = ("passive", "detail", "debug", "info", "warning", "error", "critical")
_DEBUG_WORDS = frozenset({"underflow_overflow", "tpu_metrics_debug"})


def _eval_steps(a: Run) -> float:
    return float(a["eval_steps"] or a["logging_steps"])


def _is_broken_count(steps: Any) -> bool:
    return steps is not None and steps > 1 and steps != int(steps)


def _saves_between_evaluations(a: Run) -> bool:
    """transformers' own arithmetic: shares of all steps are compared as millionths."""
    evaluated, saved = _eval_steps(a), float(a["save_steps"])
    if evaluated == 0 or saved % evaluated == 0:
        return False
    if evaluated < 1 and saved < 1:
        return (saved * 1_000_000) % (evaluated * 1_000_000) != 0
    return True


def _by_steps(a: Run, what: str) -> bool:
    return bool(a[f"{what}_strategy"] == "steps")


def _schedule_lacks(a: Run, schedule: str, *wanted: str) -> bool:
    kwargs = a["lr_scheduler_kwargs"] or {}
    return a["lr_scheduler_type"] == schedule and isinstance(kwargs, dict) and not set(wanted) & set(kwargs)


def _known_level(argument: str) -> Rule:
    return Rule(
        argument,
        lambda a: a[argument] not in _LOG_LEVELS,
        f"{argument} is not known",
        f"one of: {', '.join(_LOG_LEVELS)}",
        "transformers",
        stricter=True,
    )


def _whole_count(what: str) -> Rule:
    return Rule(
        f"{what}_steps",
        lambda a: _by_steps(a, what) and _is_broken_count(a[f"{what}_steps"]),
        f"{what}_steps above 1 must be a whole number",
        "below 1 it is a share of all steps",
        "transformers",
    )


TRAINING: tuple[Rule, ...] = (
    # How much.
    Rule(
        "per_device_train_batch_size",
        lambda a: a["per_device_train_batch_size"] < 1,
        "per_device_train_batch_size must be 1 or more",
        "set it to 1 and raise gradient_accumulation_steps for larger batches",
        "torch",
        stricter=True,
    ),
    Rule(
        "per_device_eval_batch_size",
        lambda a: (
            a["per_device_eval_batch_size"] < 1 and (a["do_eval"] or a["do_predict"] or a["eval_strategy"] != "no")
        ),
        "per_device_eval_batch_size must be 1 or more",
        "set it to 1",
        "torch",
        stricter=True,
    ),
    Rule(
        "gradient_accumulation_steps",
        lambda a: a["gradient_accumulation_steps"] < 1,
        "gradient_accumulation_steps must be 1 or more",
        "set it to 1",
        "transformers, Trainer",
        stricter=True,
    ),
    Rule(
        "num_train_epochs",
        lambda a: a["num_train_epochs"] <= 0 and a["max_steps"] <= 0,
        "with num_train_epochs of 0 and no max_steps nothing is trained",
        "set num_train_epochs: 3.0, or max_steps",
        "packtrain",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "learning_rate",
        lambda a: a["learning_rate"] < 0,
        "the learning rate is below 0",
        "1.0e-4 is usual for LoRA, 1.0e-5 for full fine-tuning",
        "torch",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "warmup_steps",
        lambda a: (a["warmup_steps"] if a["warmup_ratio"] is None else a["warmup_ratio"]) < 0,
        "the warm-up cannot be below 0",
        "0.1 warms up for a tenth of all steps",
        "transformers",
    ),
    Rule(
        "lr_scheduler_type",
        lambda a: a["lr_scheduler_type"] in ("reduce_lr_on_plateau", "greedy") and a["eval_strategy"] == "no",
        "this schedule follows the evaluations, and there are none",
        "set eval_strategy: steps, or lr_scheduler_type: cosine",
        "transformers",
    ),
    Rule(
        "lr_scheduler_kwargs",
        lambda a: (
            _schedule_lacks(a, "cosine_with_min_lr", "min_lr", "min_lr_rate")
            or _schedule_lacks(a, "cosine_warmup_with_min_lr", "min_lr", "min_lr_rate")
        ),
        "this schedule needs to know its lowest rate",
        "set lr_scheduler_kwargs: {min_lr_rate: 0.1}",
        "transformers, optimization.py",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "train_sampling_strategy",
        lambda a: a["train_sampling_strategy"] not in _SAMPLINGS,
        "train_sampling_strategy is not known, and would be taken as random",
        f"one of: {', '.join(_SAMPLINGS)}",
        "packtrain",
        stricter=True,
        kinds=TRAINS,
    ),
    # Numbers and machines.
    Rule(
        "fp16",
        lambda a: a["fp16"] and a["bf16"],
        "fp16 and bf16 exclude each other",
        "keep bf16 on Ampere or newer GPUs, fp16 on older ones",
        "transformers",
    ),
    Rule(
        "fp16_full_eval",
        lambda a: a["fp16_full_eval"] and a["bf16_full_eval"],
        "fp16_full_eval and bf16_full_eval exclude each other",
        "keep one of them",
        "transformers",
    ),
    Rule(
        "pure_bf16",
        lambda a: a["pure_bf16"] and a["use_cpu"],
        "pure_bf16 needs a GPU",
        "set bf16: true in its place",
        "parser",
    ),
    Rule(
        "bf16",
        lambda a: a["bf16"] and a["use_cpu"] and a["deepspeed"] is not None,
        "bf16 with DeepSpeed needs a GPU, and this cluster's jobs run on the CPU",
        "set bf16: false",
        "transformers",
        stricter=True,
    ),
    Rule(
        "tf32",
        lambda a: a["tf32"] and a["use_cpu"],
        "tf32 needs a GPU (Ampere or newer)",
        "remove tf32",
        "transformers",
    ),
    Rule(
        "dataloader_prefetch_factor",
        lambda a: a["dataloader_prefetch_factor"] is not None and a["dataloader_num_workers"] == 0,
        "dataloader_prefetch_factor needs workers to fetch",
        "set dataloader_num_workers: 4, or remove it",
        "transformers",
    ),
    Rule(
        "dataloader_persistent_workers",
        lambda a: a["dataloader_persistent_workers"] and a["dataloader_num_workers"] == 0,
        "dataloader_persistent_workers needs workers to keep",
        "set dataloader_num_workers: 4, or remove it",
        "torch",
        stricter=True,
    ),
    Rule(
        "torch_empty_cache_steps",
        lambda a: a["torch_empty_cache_steps"] is not None and a["torch_empty_cache_steps"] < 1,
        "torch_empty_cache_steps must be 1 or more",
        "remove it",
        "transformers",
    ),
    Rule(
        "debug",
        lambda a: isinstance(a["debug"], str) and bool(set(a["debug"].split()) - _DEBUG_WORDS),
        "debug holds a word that transformers does not know",
        f"it may hold: {', '.join(sorted(_DEBUG_WORDS))}",
        "transformers",
    ),
    *(_known_level(argument) for argument in ("log_level", "log_level_replica")),
    # Logging, evaluating, saving.
    Rule(
        "logging_steps",
        lambda a: _by_steps(a, "logging") and a["logging_steps"] == 0,
        "logging_steps must not be 0",
        "set it to 10, or leave it out",
        "transformers",
    ),
    Rule(
        "logging_steps",
        lambda a: _by_steps(a, "logging") and a["logging_steps"] < 0,
        "logging_steps below 0 is no number of steps",
        "set it to 10, or leave it out",
        "packtrain",
        kinds=TRAINS,
        stricter=True,
    ),
    Rule(
        "logging_strategy",
        lambda a: not _by_steps(a, "logging"),
        "without logging by steps there is little progress to show, and no estimate of the end for a long while",
        "set logging_steps: 10 and leave logging_strategy out",
        "packtrain",
        "warning",
        kinds=TRAINS,
    ),
    *(_whole_count(what) for what in ("logging", "eval", "save")),
    Rule(
        "eval_steps",
        lambda a: _by_steps(a, "eval") and (a["eval_steps"] or 0) < 0,
        "eval_steps below 0 evaluates after every step",
        "set it to 500, or eval_strategy: 'no'",
        "packtrain",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "save_steps",
        lambda a: a["save_strategy"] == "no" or (_by_steps(a, "save") and a["save_steps"] <= 0),
        "no checkpoint is written: a further attempt begins anew",
        "set save_steps: 500",
        "transformers, Trainer",
        "warning",
        kinds=TRAINS,
    ),
    Rule(
        "do_predict",
        lambda a: a["stage"] == "sft" and a["do_predict"] and not a["predict_with_generate"],
        "do_predict needs predict_with_generate",
        "set predict_with_generate: true, or remove do_predict",
        "parser",
    ),
    Rule(
        "compute_accuracy",
        lambda a: a["compute_accuracy"] and a["predict_with_generate"],
        "compute_accuracy and predict_with_generate exclude each other",
        "remove one of them",
        "parser",
    ),
    Rule(
        "early_stopping_steps",
        lambda a: (
            a["early_stopping_steps"] is not None
            and (a["eval_strategy"] == "no" or not (a["metric_for_best_model"] or a["load_best_model_at_end"]))
        ),
        "early stopping needs evaluations and a metric",
        "set eval_strategy: steps and metric_for_best_model: eval_loss",
        "transformers, EarlyStoppingCallback",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "early_stopping_steps",
        lambda a: (
            a["early_stopping_steps"] is not None
            and a["eval_strategy"] != "no"
            and a["metric_for_best_model"]
            and not a["load_best_model_at_end"]
        ),
        "early stopping without load_best_model_at_end leaves the last weights, not the best",
        "set load_best_model_at_end: true",
        "transformers, EarlyStoppingCallback",
        "warning",
        kinds=TRAINS,
    ),
    Rule(
        "save_strategy",
        lambda a: (
            a["save_strategy"] == "best"
            and (a["eval_strategy"] == "no" or not (a["metric_for_best_model"] or a["load_best_model_at_end"]))
        ),
        "the best checkpoint is told by evaluations and a metric",
        "set eval_strategy: steps and metric_for_best_model: eval_loss, or save_strategy: steps",
        "transformers, Trainer",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "load_best_model_at_end",
        lambda a: a["load_best_model_at_end"] and a["save_strategy"] not in ("best", a["eval_strategy"]),
        "load_best_model_at_end needs the same save_strategy and eval_strategy",
        "set both to steps, with save_steps a multiple of eval_steps",
        "transformers",
    ),
    Rule(
        "save_steps",
        lambda a: (
            a["load_best_model_at_end"]
            and _by_steps(a, "save")
            and _by_steps(a, "eval")
            and _saves_between_evaluations(a)
        ),
        "load_best_model_at_end needs save_steps to be a multiple of eval_steps",
        "set both to the same number",
        "transformers",
    ),
    Rule(
        "save_only_model",
        lambda a: a["save_only_model"],
        "checkpoints without the optimizer's states: a further attempt goes on from them as from a new start",
        "leave save_only_model out, unless the disk is too small for them",
        "transformers, Trainer",
        "warning",
        kinds=TRAINS,
    ),
    # Reporting.
    Rule(
        "report_to",
        lambda a: a["report_to"] is None or bool(set(names(a["report_to"])) - REPORTERS),
        "report_to names a logger that does not exist; the run would fail after the model is loaded",
        f"one of: {', '.join(sorted(REPORTERS))}",
        "transformers, integrations",
        stricter=True,
    ),
    Rule(
        "project",
        lambda a: "trackio" in names(a["report_to"]) and not a["project"],
        "trackio needs the name of a project",
        "set project",
        "parser",
    ),
)
