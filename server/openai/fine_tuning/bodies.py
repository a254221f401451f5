"""Bodies of OpenAI's fine-tuning API: the pydantic border of `POST /v1/fine_tuning/jobs`.

Beside OpenAI's own fields there are those of the native API, which its client sends with `extra_body`.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from server.openai.fine_tuning.hyperparameters import DpoHyperparameters, Hyperparameters
from tuning.jobs.request.spec import (
    Continuation,
    Environment,
    JobClassWord,
    JobId,
    Priority,
    RecipeName,
    Resources,
    SecretName,
    TeamName,
)
from tuning.notices.request import MOST_OF_A_JOB, JobWebhook

MOST_PAIRS, LONGEST_KEY, LONGEST_VALUE = 16, 64, 512
"""Of metadata."""
MOST_INTEGRATIONS = 5
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _one_line(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("give one line without control characters")
    return text


def _without_comma(text: str) -> str:
    if "," in text:
        raise ValueError("a tag holds no comma")
    return _one_line(text)


def _checked_metadata(metadata: dict[str, str] | None) -> dict[str, str] | None:
    for key, value in (metadata or {}).items():
        if not 1 <= len(key) <= LONGEST_KEY:
            raise ValueError(f"a key has 1 to {LONGEST_KEY} characters")
        if ":" in key:
            raise ValueError("a key holds no colon: lists are filtered by key:value")
        if len(value) > LONGEST_VALUE:
            raise ValueError(f"a value has at most {LONGEST_VALUE} characters")
        if _CONTROL.search(key + value):
            raise ValueError("keys and values hold no control characters")
    if len(metadata or {}) > MOST_PAIRS:
        raise ValueError(f"at most {MOST_PAIRS} pairs are kept")
    return metadata


Metadata = Annotated[dict[str, str] | None, AfterValidator(_checked_metadata)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_one_line)]
WandbTag = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_without_comma)]
FileId = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_one_line)]
_BODY = ConfigDict(extra="forbid", frozen=True)


class Supervised(BaseModel):
    """Settings of supervised training."""

    model_config = _BODY

    hyperparameters: Hyperparameters | None = None


class Dpo(BaseModel):
    """Settings of preference training."""

    model_config = _BODY

    hyperparameters: DpoHyperparameters | None = None


class Method(BaseModel):
    """Method of a training: supervised or dpo."""

    model_config = _BODY

    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: Supervised | None = None
    dpo: Dpo | None = None
    reinforcement: Any = None
    """Not to be had here, which is told in words."""


class WandbRun(BaseModel):
    """Project, name and entity of the run at W&B."""

    model_config = _BODY

    project: Word
    name: Word | None = None
    entity: Word | None = None
    tags: tuple[WandbTag, ...] = Field(default=(), max_length=50)


class Integration(BaseModel):
    """A tracker of the run."""

    model_config = _BODY

    type: Literal["wandb"]
    wandb: WandbRun


class FineTuningRequest(BaseModel):
    """The body of `POST /v1/fine_tuning/jobs`."""

    model_config = _BODY

    model: Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_one_line)]
    training_file: FileId
    validation_file: FileId | None = None
    suffix: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_one_line)] | None = None
    seed: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] | None = None
    metadata: Metadata = None
    integrations: tuple[Integration, ...] | None = Field(default=None, max_length=MOST_INTEGRATIONS)
    method: Method | None = None
    hyperparameters: Hyperparameters | None = None
    """As clients of before `method` say it."""

    recipe: RecipeName | None = None
    config: dict[str, Any] | None = None
    resources: Resources = Resources()
    team: TeamName | None = None
    job_class: JobClassWord = Field(default="normal", alias="class")
    secrets: tuple[SecretName, ...] = Field(default=(), max_length=20)
    environment: Environment = Field(default_factory=dict)
    depends_on: tuple[JobId, ...] = Field(default=(), max_length=100)
    priority: Priority = 0
    held: bool = False
    continuation: Continuation | None = None
    keep_checkpoints: int | None = Field(default=None, ge=0, le=1000)
    webhooks: tuple[JobWebhook, ...] = Field(default=(), max_length=MOST_OF_A_JOB)
