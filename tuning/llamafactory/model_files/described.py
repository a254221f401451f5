"""Description of a model's files once they were read: the form in the cluster's row, and what checks are given."""

from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from tuning.llamafactory.config.model_size import ModelShape
from tuning.llamafactory.model_files.config_json import ModelConfig
from tuning.llamafactory.model_files.tensors import Tensors


@dataclass(frozen=True, config=ConfigDict(extra="ignore"))
class ModelFiles:
    """Files beside config.json; None where a file is not there or cannot be read."""

    stamp: str
    """Changes with the files: what has another one is read again."""
    tensors: Tensors | None = None
    tokens: tuple[str, ...] | None = None
    """The markers of LLaMA-Factory's templates that are tokens of its tokenizer."""
    has_chat_template: bool | None = None
    template_markers: tuple[str, ...] = ()
    """The markers that its own chat template has."""


@plain_dataclass(frozen=True)
class KnownModel:
    """A model as requests are checked against it: each part may be unknown."""

    config: ModelConfig | None = None
    shape: ModelShape | None = None
    files: ModelFiles | None = None


_FORM = TypeAdapter(ModelFiles)


def files_to_json(files: ModelFiles) -> dict[str, Any]:
    """Plain values."""
    plain: dict[str, Any] = _FORM.dump_python(files, mode="json")
    return plain


def files_from_json(stored: Mapping[str, Any]) -> ModelFiles | None:
    """None for another form: then they are read again."""
    try:
        return _FORM.validate_python(stored)
    except ValidationError:
        return None
