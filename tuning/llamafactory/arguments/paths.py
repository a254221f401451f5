"""Arguments that name files or models on the cluster, and the folders in which these may lie.

This judges words only. That a link inside an allowed root leads out of it can be seen on the cluster alone.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.arguments.accepted import nearest

MODELS = ("model_name_or_path", "ref_model", "reward_model", "generation_config", "export_quantization_dataset")
"""One path, or a hub id; the catalogue's names too."""
ADAPTERS = ("adapter_name_or_path", "ref_model_adapters", "reward_model_adapters")
"""Paths or hub ids, separated by commas."""
FILES = (
    "adapter_folder",
    "cache_dir",
    "offload_folder",
    "media_dir",
    "tokenized_path",
    "new_special_tokens_config",
    "kt_weight_path",
    "kt_expert_checkpoint_path",
    "profiler_output_dir",
    "swanlab_logdir",
    "hyper_parallel_args",
)
"""One path."""
WRITTEN = ("cache_dir", "offload_folder", "profiler_output_dir", "swanlab_logdir")
"""Those of them in which LLaMA-Factory makes files."""
MAPPINGS = (
    "deepspeed",
    "fsdp_config",
    "accelerator_config",
    "gradient_checkpointing_kwargs",
    "lr_scheduler_kwargs",
    "liger_kernel_config",
    "parallelism_config",
    "vllm_config",
    "sglang_config",
)
"""A path to a JSON file, or its content; whatever in the content looks like a path is held to the roots too."""

IN_CHECKOUT = ("new_special_tokens_config", "export_quantization_dataset", *MAPPINGS)
"""Those that may be relative, since LLaMA-Factory's own examples name files of the checkout."""

# LLaMA-Factory splits its command line at spaces under torchrun, so a path with one fails there and only there.
_PLAIN = re.compile(r"/[A-Za-z0-9._/@+=-]*")
_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
OTHER_JOBS = "use source_job for what another job has left"
_WRITE = "leave it out (each run has a cache of its own), or ask the operator to bind the folder with `rw`"


@dataclass(frozen=True)
class AllowedPlaces:
    """Folders and models that a cluster lets jobs read, and folders in which they may write."""

    roots: tuple[str, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    """The catalogue: name -> path; its paths are allowed wherever they lie."""
    aliases: frozenset[str] = frozenset()
    """Those of its names that are further ones of models that have another."""
    hub_models: bool = False
    closed: tuple[str, ...] = ()
    """Folders beneath a root that no job may name: other jobs' files lie there."""
    checkout: str | None = None
    """LLaMA-Factory's folder, from which runs are started: relative paths of files that are only read begin there."""
    writable: tuple[str, ...] = ()
    """Folders in which jobs may also write; everywhere else they only read."""


def resolve_argument(name: str, value: Any, places: AllowedPlaces) -> list[str | Finding] | None:
    """Path or hub id of each place in an argument's value, or a finding; None for an argument that names no places."""
    if name in MODELS:
        return [resolve_model(name, value, places)]
    if name in ADAPTERS:
        return [resolve_model(name, part.strip(), places) for part in value.split(",")]
    if name in MAPPINGS and not isinstance(value, str):
        return [resolve_file(name, path, places) for path in paths_within(value)]
    if name in FILES or name in MAPPINGS:
        return [resolve_file(name, value, places)]
    return None


def resolve_model(name: str, value: str, places: AllowedPlaces) -> str | Finding:
    """The path or hub id that a model argument means, or what is wrong with it."""
    if value in places.models:
        return places.models[value]
    if name in IN_CHECKOUT and places.checkout is not None and value.endswith((".json", ".jsonl", ".txt")):
        return resolve_file(name, value, places)
    if not value.startswith("/"):
        return _by_folder(value, places) or _by_hub_id(name, value, places)
    found = resolve_file(name, value, places)
    return (_by_folder(value, places) or found) if isinstance(found, Finding) else found


def _by_folder(value: str, places: AllowedPlaces) -> str | None:
    """The path of the catalogue's model whose name or folder is the last part of a hub id or of another site's path.

    None where none is, or where several are.
    """
    wanted = _last_part(value)
    if not wanted:
        return None
    found = {path for name, path in places.models.items() if wanted in (_last_part(name), _last_part(path))}
    return found.pop() if len(found) == 1 else None


def _last_part(value: str) -> str:
    """`Qwen/Qwen2.5-7B`, `/data/Qwen2.5-7B/` and the hub's own folder models--Qwen--Qwen2.5-7B alike."""
    return value.rstrip("/").rpartition("/")[2].rpartition("--")[2].lower()


def _by_hub_id(name: str, value: str, places: AllowedPlaces) -> str | Finding:
    if _HUB_ID.fullmatch(value) and places.hub_models:
        return value
    return _unknown_model(name, value, places)


def resolve_file(name: str, value: str, places: AllowedPlaces) -> str | Finding:
    """An absolute path under an allowed root, normalised, or what is wrong with it."""
    if not value.startswith("/") and places.checkout is not None and name in IN_CHECKOUT:
        return _in_checkout(name, value, places.checkout)
    if not value.startswith("/"):
        hint = f"give an absolute path on the cluster under {_roots(places)}"
        return Finding(("config", name), f"{name}: {value[:200]!r} is not an absolute path", hint)
    if ".." in value.split("/"):
        return Finding(("config", name), f"{name}: {value[:200]!r} climbs with '..'", "write the path out")
    if not _PLAIN.fullmatch(value) or len(value) > 1000:
        hint = "letters, digits and . _ - / @ + = only: LLaMA-Factory breaks on spaces and other signs in paths"
        return Finding(("config", name), f"{name}: {value[:200]!r} holds characters that a path may not", hint)
    path = "/" + posixpath.normpath(value).lstrip("/")
    return _not_allowed(name, path, places) or path


def _in_checkout(name: str, value: str, checkout: str) -> str | Finding:
    """`examples/deepspeed/ds_z3_fp8_config.json`, as LLaMA-Factory's own examples have it."""
    if ".." in value.split("/") or not _PLAIN.fullmatch(f"/{value}") or not value.strip("./") or len(value) > 1000:
        hint = f"give a path beneath {checkout}, or an absolute one"
        return Finding(("config", name), f"{name}: {value[:200]!r} is no path in the cluster's checkout", hint)
    return f"{checkout}/{posixpath.normpath(value)}"


def paths_within(content: object) -> Iterator[str]:
    """Strings in a nested value that look like paths."""
    if isinstance(content, Mapping):
        for item in content.values():
            yield from paths_within(item)
    elif isinstance(content, list):
        for item in content:
            yield from paths_within(item)
    elif isinstance(content, str) and (content.startswith(("/", "~", ".")) or ".." in content):
        yield content


def _not_allowed(name: str, path: str, places: AllowedPlaces) -> Finding | None:
    """Reason that a job may not use a normalised path, or None."""
    if any(_lies_under(path, folder) for folder in places.closed):
        return Finding(("config", name), f"{name}: {path} lies in packtrain's own folder", OTHER_JOBS)
    if path not in places.models.values() and not any(_lies_under(path, root) for root in places.roots):
        hint = f"paths of jobs lie under {_roots(places)}"
        return Finding(("config", name), f"{name}: {path} lies outside the folders that jobs may use", hint)
    if name in WRITTEN and not any(_lies_under(path, folder) for folder in places.writable):
        return Finding(("config", name), f"{name}: a job may read {path} but not write there", _WRITE)
    return None


def _lies_under(path: str, root: str) -> bool:
    folder = "/" + posixpath.normpath(root).strip("/")
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _roots(places: AllowedPlaces) -> str:
    return ", ".join(places.roots) or "no folder at all: this cluster allows only models of its catalogue"


def _unknown_model(name: str, value: str, places: AllowedPlaces) -> Finding:
    if value.strip().lower() in ("none", "null"):
        return Finding(
            ("config", name), f"{name}: {value!r} is a text here, not nothing", "leave it out, or write null"
        )
    near = nearest(value, places.models)
    meant = f"did you mean {near!r}? " if near else ""
    catalogue = f"the catalogue has: {', '.join(sorted(places.models.keys() - places.aliases)) or 'nothing yet'}"
    hub = "" if places.hub_models else "; hub ids are not allowed on this cluster"
    hint = f"{meant}{catalogue}; or give an absolute path under {_roots(places)}{hub}"
    return Finding(("config", name), f"{name}: {value[:200]!r} is not a model of this cluster", hint)
