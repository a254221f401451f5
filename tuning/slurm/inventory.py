"""Inventory of a cluster: partitions, nodes, GPUs, image, data sets. Text in, values out. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tuning.slurm.answers import SEPARATOR, Part
from tuning.storable import LARGEST_BIGINT, LARGEST_INTEGER, storable_json

_GRES = re.compile(r"gpu(?::(?:([A-Za-z0-9._-]+)|\(null\)))?:([0-9]{1,9})")
"""GPUs without a type are `gpu:4`, and among those in use `gpu:(null):4`."""
_Gpus = tuple[int, dict[str, int]]
"""Count of all, and by type."""
_LONGEST_TEXT = 65_536
"""Of a model's config.json so much is read; nothing else of a cluster is as long."""
_DAYS = re.compile(r"(?:([0-9]{1,6})-)?([0-9]{1,9}(?::[0-9]{1,9}){0,2})")
_DOWN = ("down", "drain", "fail", "maint", "unknown", "not_responding", "power", "reboot", "planned*")


@dataclass(frozen=True)
class Partition:
    """A partition."""

    name: str
    is_default: bool
    state: str
    max_time_seconds: int | None
    """None: no limit."""


@dataclass(frozen=True)
class Node:
    """A node."""

    name: str
    partitions: tuple[str, ...]
    state: str
    is_usable: bool
    cpus: int
    memory_mb: int
    gpus: int
    gpus_in_use: int
    gpu_types: Mapping[str, int]
    """GPUs of each type that Slurm names: a GPU cut up (MIG) is of several."""
    gpu_types_in_use: Mapping[str, int] = field(default_factory=dict)
    """Of a node with several types, those in use whose type Slurm names."""


@dataclass(frozen=True)
class CopyStat:
    """The file of a data set's copy, as a look found it."""

    size_bytes: int
    inode: int
    modified: str
    """Epoch seconds of the cluster's clock, as they were written: compared with itself alone."""


@dataclass(frozen=True)
class Inventory:
    """Inventory of a cluster, with which requests are checked and which people look at."""

    slurm_version: str | None
    partitions: tuple[Partition, ...]
    nodes: tuple[Node, ...]
    image_size_bytes: int | None
    """None: the image is missing or cannot be read."""
    image_modified_epoch: float | None
    image_digest: str | None
    """SHA-256 of the first 32 kB: a SIF's header and descriptors, with its id, times and sizes (SIF specification). The
    whole file is many GB; this tells images apart as well."""
    free_bytes: int | None
    is_writable: bool
    datasets: dict[str, Any] | None
    """The checkout's dataset_info.json; None where there is none."""
    model_configs: dict[str, str]
    """The config.json of the catalogue's models that have one, by the model's path."""
    model_stamps: dict[str, str]
    """What changes with the files of a model, by its path: names, sizes and times."""
    copies: Mapping[str, CopyStat] | None = None
    """The copies of data sets by file name; None = the folder cannot be looked at."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, as they are kept in the cluster's row; the copies have rows of their own."""
        plain = asdict(replace(self, copies=None))
        del plain["copies"]
        return {name: storable_json(value, _LONGEST_TEXT) for name, value in plain.items()}


def parse_inventory(parts: Mapping[str, Part], models: Sequence[str] = ()) -> Inventory:
    """The facts out of the parts of the program's answer, by their first word; `models` are the paths asked for."""
    texts = {name: part.content.decode("utf-8", "replace").strip() for name, part in parts.items()}
    rows = [line.split(SEPARATOR) for line in texts.get("nodes", "").split("\n") if line.count(SEPARATOR) == 7]
    image = _numbers(texts.get("image", ""))
    space = texts.get("space", "").split()
    version = re.search(r"\d+\.\d+(\.\d+)?", texts.get("version", ""))
    return Inventory(
        slurm_version=version.group() if version else None,
        partitions=_partitions(rows),
        nodes=_nodes(rows, _used(texts.get("used", ""))),
        image_size_bytes=image[0] if image else None,
        image_modified_epoch=float(image[1]) if image else None,
        image_digest=_digest(texts.get("image-head", "")),
        free_bytes=_number(space[3]) if len(space) >= 4 else None,
        is_writable=texts.get("writable") == "yes",
        datasets=_register(texts.get("register", "")),
        model_configs={path: text for place, path in enumerate(models) if (text := texts.get(f"model-{place}"))},
        model_stamps={path: _stamp(text) for place, path in enumerate(models) if (text := texts.get(f"stamp-{place}"))},
        copies=_copies(texts.get("copies", "")) if texts.get("copies-end") == "0" else None,
    )


def _copies(text: str) -> dict[str, CopyStat]:
    rows = (line.split(" ", 3) for line in text.split("\n"))
    return {
        row[3]: CopyStat(int(row[0]), int(row[1]), row[2])
        for row in rows
        if len(row) == 4 and _is_whole(row[0]) and _is_whole(row[1])
    }


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,20}", text) is not None


def _partitions(rows: list[list[str]]) -> tuple[Partition, ...]:
    partitions = {}
    for name, state, max_time, *_ in rows:
        plain = name.rstrip("*")
        partitions[plain] = Partition(plain, name.endswith("*"), state.upper(), _seconds(max_time))
    return tuple(partitions.values())


def _nodes(rows: list[list[str]], used: Mapping[str, _Gpus]) -> tuple[Node, ...]:
    partitions: dict[str, tuple[str, ...]] = {}
    for partition, _, _, name, *_ in rows:
        partitions[name] = (*partitions.get(name, ()), partition.rstrip("*"))
    nodes = {row[3]: row for row in rows}
    return tuple(_node(row, partitions[name], used.get(name, (0, {}))) for name, row in nodes.items())


def _node(row: list[str], partitions: tuple[str, ...], used: _Gpus) -> Node:
    _, _, _, name, state, cpus, memory, gres = row
    gpus, types = _gpus(gres)
    in_use, types_in_use = used
    usable = not any(word in state.lower() for word in _DOWN)
    size = (_whole(cpus), _whole(memory))
    return Node(
        name, partitions, state.upper(), usable, *size, gpus, in_use, types, types_in_use if len(types) > 1 else {}
    )


def _seconds(time_limit: str) -> int | None:
    """sinfo's %l: [D-]HH:MM:SS or shorter from the left (10:00 is minutes), or infinite."""
    found = _DAYS.fullmatch(time_limit)
    if found is None:
        return None
    seconds = 0
    for part in found[2].split(":"):
        seconds = 60 * seconds + int(part)
    return min(seconds + int(found[1] or 0) * 86_400, LARGEST_INTEGER)


def _gpus(gres: str) -> _Gpus:
    """Count, of all and by type, out of Slurm's Gres text, such as `gpu:a100:4(S:0-1),shard:8`."""
    found = _GRES.findall(gres)
    types: dict[str, int] = {}
    for name, count in found:
        if name:
            types[name] = types.get(name, 0) + int(count)
    return sum(int(count) for _, count in found), types


def _used(text: str) -> dict[str, _Gpus]:
    pairs = (line.split(None, 1) for line in text.split("\n"))
    return {pair[0]: _gpus(pair[1]) for pair in pairs if len(pair) == 2}


def _register(text: str) -> dict[str, Any] | None:
    try:
        entries = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(entries, dict):
        return None
    return {name: entry for name, entry in entries.items() if isinstance(entry, dict)}


def _stamp(listing: str) -> str:
    return hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _digest(text: str) -> str | None:
    found = re.match(r"[0-9a-f]{64}\b", text)
    return f"head-sha256:{found.group()}" if found else None


def _numbers(text: str) -> list[int]:
    found = [_number(word) for word in text.split()]
    return [number for number in found if number is not None] if len(found) == 2 and None not in found else []


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,19}", text) and int(text) <= LARGEST_BIGINT else None


def _whole(text: str) -> int:
    """sinfo writes `64+` where nodes differ."""
    digits = re.match(r"[0-9]{1,9}", text)
    return int(digits.group()) if digits else 0
