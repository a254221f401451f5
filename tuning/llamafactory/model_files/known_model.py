"""A model as requests are checked against it, put together from its config.json and what was read beside it."""

from collections.abc import Mapping
from typing import Any

from tuning.llamafactory.config.model_size import ModelShape, parse_model_config
from tuning.llamafactory.model_files.config_json import ModelConfig, read_config
from tuning.llamafactory.model_files.described import KnownModel, ModelFiles, files_from_json
from tuning.llamafactory.model_files.tensor_shape import tensor_shape


def known_model(config_text: str, stored_files: Mapping[str, Any] | None) -> KnownModel:
    """Each part that can be read; a family that is not known by name has the shape that its tensors show."""
    config = read_config(config_text)
    files = files_from_json(stored_files) if stored_files is not None else None
    return KnownModel(config, parse_model_config(config_text) or _shown(config, files), files)


def _shown(config: ModelConfig | None, files: ModelFiles | None) -> ModelShape | None:
    if config is None or files is None or files.tensors is None:
        return None
    return tensor_shape(config, files.tensors)
