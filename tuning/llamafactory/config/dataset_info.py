"""The dataset_info.json of one job: its uploaded data sets, and names that the cluster's own LLaMA-Factory knows.

All paths are absolute. LLaMA-Factory reads `os.path.join(dataset_dir, file_name)` (data/loader.py), in which an
absolute file_name wins, so the private dataset_dir of a job needs no copy of any data.
"""

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tuning.errors import Finding, InvalidInput

_HUBS = ("hf_hub_url", "ms_hub_url", "om_hub_url", "cloud_file_name")
"""Where LLaMA-Factory would fetch data from the network; each wins over file_name."""
_PATHS = ("file_name", "script_url")


@dataclass(frozen=True)
class Registry:
    """A dataset_info.json that lies on the cluster, read."""

    folder: str
    """Its folder, as the training container sees it: the relative paths in it begin there."""
    entries: Mapping[str, Any]
    allow_hub: bool = False
    """Whether data may be fetched from a hub: only where the nodes reach one, or have it in their cache."""


def dataset_info(
    uploaded: Mapping[str, tuple[Mapping[str, Any], str]], registered: Iterable[str], registry: Registry | None
) -> dict[str, Any]:
    """The content of the file.

    `uploaded` gives the entry without file_name and the file's path on the cluster, by a key without commas (at which
    LLaMA-Factory splits its `dataset`): the data set's id; `registered` are names to take over. Raises InvalidInput for
    a name that the registry does not have, or may not fetch.
    """
    taken = {name: _registered(name, registry) for name in dict.fromkeys(registered)}
    ours = {key: {**entry, "file_name": path} for key, (entry, path) in uploaded.items()}
    return {**taken, **ours}


def _registered(name: str, registry: Registry | None) -> dict[str, Any]:
    entry = registry.entries.get(name) if registry is not None else None
    if registry is None or not isinstance(entry, dict):
        raise _refused(f"Undefined dataset {name[:200]!r}: the cluster's dataset_info.json does not have it")
    if not registry.allow_hub:
        if not any(key in entry for key in _PATHS):
            raise _refused(f"the data set {name!r} would be fetched from a hub, which this cluster does not do")
        entry = {key: value for key, value in entry.items() if key not in _HUBS}
    return {key: _absolute(registry.folder, value) if key in _PATHS else value for key, value in entry.items()}


def _absolute(folder: str, path: Any) -> str:
    return posixpath.normpath(posixpath.join(folder, str(path)))


def _refused(message: str) -> InvalidInput:
    hint = "upload the file and name it in `datasets`, or ask the operator to register it"
    return InvalidInput([Finding(("config", "dataset"), message, hint)])
