"""Row of the table of rules, and what a rule may look at."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tuning.errors import Finding
from tuning.llamafactory.config.deepspeed import zero_of
from tuning.llamafactory.kinds import Kind

ALL: frozenset[Kind] = frozenset({"train", "export", "predict"})
RUNS: frozenset[Kind] = frozenset({"train", "predict"})
TRAINS: frozenset[Kind] = frozenset({"train"})
EXPORTS: frozenset[Kind] = frozenset({"export"})


@dataclass(frozen=True)
class Run:
    """A run as the rules see it."""

    arguments: Mapping[str, Any]
    """A value of the right type for each accepted name: what is said, over the defaults."""
    processes: int = 1
    """The world size."""
    is_counted: bool = True
    """Whether `arguments` names every data set; else there are uploaded ones, and how many is not known."""
    entries: tuple[Mapping[str, Any], ...] = ()
    """The dataset_info.json entries of the data sets it works on, as far as they are known."""
    has_untrained_history: bool = False
    """Whether answers before the last of a row have the weight 0, in one of them."""
    templates_ending_once: frozenset[str] = field(default_factory=frozenset)
    """Templates that LLaMA-Factory calls efficient_eos: one end of text for the whole conversation."""
    templates_with_media: frozenset[str] | None = None
    """Templates that read images, videos or audios; None where it is not known."""
    transformers_major: int = 5

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    @property
    def has_zero3(self) -> bool:
        """Whether DeepSpeed shards the weights too, as far as can be seen: a file of the user's own is not read."""
        return zero_of(self["deepspeed"]).stage == 3

    @property
    def shards_weights(self) -> bool:
        """ZeRO-3 or FSDP."""
        return self.has_zero3 or bool(self["fsdp"])

    @property
    def is_distributed(self) -> bool:
        """Whether it is started by torchrun."""
        return self.processes > 1 or self["deepspeed"] is not None


@dataclass(frozen=True)
class Rule:
    """One thing that must not be so."""

    about: str
    """The argument that the finding points at."""
    broken: Callable[[Run], Any]
    message: str
    hint: str
    reference: str
    """Who refuses: "parser" is hparams/parser.py, "arguments" hparams/*_args.py, other paths are files of
    LLaMA-Factory too; "transformers" is TrainingArguments; "packtrain" a rule of ours."""
    severity: Literal["error", "warning"] = "error"
    kinds: frozenset[Kind] = RUNS
    stricter: bool = False
    """LLaMA-Factory's parser lets it pass: the run fails later, when data and model are loaded, or is not what
    packtrain is for."""


def check_rules(run: Run, rules: Iterable[Rule], kind: Kind = "train") -> list[Finding]:
    """Every broken rule of a kind as a finding."""
    return [
        Finding(("config", rule.about), f"{rule.message} [{rule.reference}]", rule.hint, rule.severity)
        for rule in rules
        if kind in rule.kinds and rule.broken(run)
    ]


def names(value: Any) -> list[str]:
    """The names in a list, or in a text with commas."""
    parts = value.split(",") if isinstance(value, str) else list(value or [])
    return [part.strip() for part in parts if part.strip()]
