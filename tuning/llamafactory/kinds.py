"""Kinds of jobs as one table: the program's word, its arguments, and what makes it this kind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["train", "export", "predict"]
"""What people ask for."""
CHECK: Literal["check"] = "check"
"""Made by the server alone, and no command of LLaMA-Factory's: data that lies on a cluster is looked at there."""
SERVE: Literal["serve"] = "serve"
"""Made by the server alone: a model that is talked to. It has no result, and never goes on by itself."""
MADE_BY_THE_SERVER = (CHECK, SERVE)
JobKind = Literal["train", "export", "predict", "check", "serve"]
"""What a job may be."""
DataArgument = Literal["dataset", "eval_dataset"]


@dataclass(frozen=True)
class KindOfJob:
    """One row of the table."""

    name: Kind
    word: Literal["train", "export"]
    """What `llamafactory-cli` is told to do."""
    classes: frozenset[str]
    """The argument classes (Argument.classes) that this command parses."""
    data: DataArgument | None
    """The argument that names the data sets it works on, where it works on some."""
    fixed: Mapping[str, Any]
    """What makes a run this kind, laid over the user's words."""
    defaults: Mapping[str, Any]
    """What packtrain sets where the user is silent."""


@dataclass(frozen=True)
class SourceModel:
    """Model that a source job hands over: its adapter with the model below it, or its whole model."""

    model: str | None = None
    """The path or hub id of the model that is used."""
    adapter: str | None = None
    """The path of the adapter that is laid over it."""
    template: str | None = None
    """The template that it was trained with."""
    finetuning_type: str | None = None


_YES = (True, "true", "True")
_INFERENCE = frozenset({"Model", "Data", "Finetuning", "Generating"})
_WATCHED: Mapping[str, Any] = {
    "logging_steps": 10,  # LLaMA-Factory's 500 would leave most runs without any progress
    "report_to": "none",
}

KINDS: Mapping[Kind, KindOfJob] = {
    row.name: row
    for row in (
        KindOfJob(
            name="train",
            word="train",
            classes=_INFERENCE | {"Training"},
            data="dataset",
            fixed={"do_train": True},
            defaults={
                **_WATCHED,
                "logging_first_step": True,  # a first sign of life, and how slow the first step is
                "include_num_input_tokens_seen": "non_padding",  # without it there is no count of tokens
                "plot_loss": True,
                "enable_jit_checkpoint": True,  # served by tuning.llamafactory.inside
            },
        ),
        KindOfJob(
            name="predict",
            word="train",
            classes=_INFERENCE | {"Training"},
            data="eval_dataset",
            fixed={"do_train": False, "do_predict": True, "predict_with_generate": True},
            defaults=_WATCHED,
        ),
        KindOfJob(name="export", word="export", classes=_INFERENCE, data=None, fixed={}, defaults={}),
    )
}


def evaluates_only(config: Mapping[str, Any]) -> bool:
    """Whether a run of kind predict measures the loss on a test set, and writes no answers to it."""
    return config.get("do_eval") is True and not config.get("do_predict") and not config.get("predict_with_generate")


def fixed_arguments(row: KindOfJob, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Arguments that make a run with this configuration of its kind."""
    if row.name == "predict" and evaluates_only(config):
        return {"do_train": False, "do_eval": True, "do_predict": False}
    return row.fixed


def runs_on_cpu(kind: Kind, config: Mapping[str, Any]) -> bool:
    """Whether a job needs no GPU: a merge, unless its device is another; quantizing calibrates on a GPU."""
    on_cpu = config.get("export_device") in (None, "", "cpu")
    return kind == "export" and on_cpu and not config.get("export_quantization_bit")


def meant_kind(config: Mapping[str, Any]) -> Kind | None:
    """The kind that a configuration is plainly for, as those of LLaMA-Factory's examples are; None where it is open."""
    trains = config.get("do_train") in _YES
    if "export_dir" in config and not trains and not config.keys() & {"dataset", "eval_dataset"}:
        return "export"
    only_evaluates = config.get("do_eval") in _YES and "do_train" in config
    return "predict" if (config.get("do_predict") in _YES or only_evaluates) and not trains else None


def kinds_with(classes: tuple[str, ...]) -> Iterator[Kind]:
    """The kinds that take an argument of these classes."""
    return (row.name for row in KINDS.values() if not row.classes.isdisjoint(classes))
