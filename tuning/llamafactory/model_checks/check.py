"""Check of a configuration against the model's own files, as far as they are known: what is unknown is no finding."""

from collections.abc import Iterator, Mapping
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.kinds import Kind
from tuning.llamafactory.model_checks.context_length import doubt_length
from tuning.llamafactory.model_checks.modules import doubt_modules
from tuning.llamafactory.model_checks.precision import doubt_precision
from tuning.llamafactory.model_checks.template_tokens import doubt_template_tokens
from tuning.llamafactory.model_files.described import KnownModel


def doubt_by_model(
    model: KnownModel, arguments: Mapping[str, Any], kind: Kind = "train", gpu_type: str | None = None
) -> Iterator[Finding]:
    """Findings for what the model has not got, and for what the GPU does not compute."""
    if kind == "export":
        return
    if kind == "train":
        yield from doubt_modules(model, arguments)
        yield from doubt_length(model, arguments)
    if model.files is not None:
        yield from doubt_template_tokens(model.files, arguments)
    yield from doubt_precision(model.config, arguments, gpu_type)
