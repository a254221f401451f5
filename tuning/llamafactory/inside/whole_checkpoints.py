"""Sets checkpoints aside that are not whole, and says which is the newest one that is (docs/decisions/0005).

`python3 inside.pyz whole_checkpoints OUTPUT ASIDE [EARLIER]` prints `step=N`, 0 where there is none. EARLIER is the
checkpoint of another job, which counts where OUTPUT has none that is whole. Only heads and ends of files are read.
"""

import json
import re
import struct
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_NAME = re.compile(r"checkpoint-([0-9]+)")
_BEING_WRITTEN = "checkpoint-is-incomplete.txt"
_WEIGHTS = re.compile(r"(adapter_model|model|pytorch_model)(-\d+-of-\d+)?\.(safetensors|bin)")
_MAX_HEADER_BYTES = 100 * 1024 * 1024
"""safetensors' own bound."""


class NotWholeError(Exception):
    """Reason why no run can go on from a checkpoint."""


def main(arguments: Sequence[str]) -> int:
    """Look at every checkpoint of the output folder; for a process of its own."""
    output, aside, *earlier = map(Path, arguments)
    newest = set_broken_aside(output, aside)
    try:
        sys.stdout.write(f"step={newest or max(map(earlier_step, earlier), default=0)}\n")
    except NotWholeError as error:
        sys.stderr.write(f"packtrain: the job cannot go on from {earlier[0]}: {error}\n")
        return 1
    return 0


def earlier_step(folder: Path) -> int:
    """The step of another job's checkpoint. Raises NotWholeError."""
    found = _NAME.fullmatch(folder.name)
    if found is None or folder.is_symlink() or not folder.is_dir():
        raise NotWholeError("it is gone")
    check(folder, int(found[1]))
    return int(found[1])


def set_broken_aside(output: Path, aside: Path) -> int:
    """Move what is not whole; the newest step that is, 0 = none."""
    whole = [0]
    for folder in sorted(output.glob("checkpoint-*")):
        found = _NAME.fullmatch(folder.name)
        if found is None or not folder.is_dir():
            continue
        try:
            check(folder, int(found[1]))
            whole.append(int(found[1]))
        except NotWholeError as error:
            moved_to = _set_aside(folder, aside)
            sys.stderr.write(f"packtrain: {folder.name} is not whole ({error}): set aside as {moved_to.name}\n")
    return max(whole)


def check(folder: Path, step: int) -> None:
    """Raises NotWholeError."""
    if (folder / _BEING_WRITTEN).exists():
        raise NotWholeError("it was just being written")
    if _read_json(folder / "trainer_state.json").get("global_step") != step:
        raise NotWholeError("trainer_state.json is of another step")
    if not any(_WEIGHTS.fullmatch(path.name) for path in folder.iterdir()) and not any(folder.glob("global_step*")):
        raise NotWholeError("it holds no weights")
    for name in _sharded(folder):
        if not (folder / name).exists():
            raise NotWholeError(f"{name} is missing")
    for path in folder.rglob("*"):
        _check_file(path)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise NotWholeError(f"{path.name} cannot be read") from error
    if not isinstance(found, dict):
        raise NotWholeError(f"{path.name} is no object")
    return found


def _sharded(folder: Path) -> Iterator[str]:
    for index in folder.glob("*.index.json"):
        yield from set(_read_json(index).get("weight_map", {}).values())


def _check_file(path: Path) -> None:
    if not path.is_file():
        return
    if path.suffix == ".safetensors":
        _check_safetensors(path)
    elif path.suffix in (".pt", ".pth", ".bin"):
        _check_saved_by_torch(path)


def _check_safetensors(path: Path) -> None:
    """Its length stands in its header: 8 bytes with the length of the JSON, the JSON with the tensors' offsets."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else _MAX_HEADER_BYTES + 1
        if length > _MAX_HEADER_BYTES:
            raise NotWholeError(f"{path.name} has no header")
        try:
            header = json.loads(file.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotWholeError(f"{path.name} has a broken header") from error
    if size != 8 + length + max(ends, default=0):
        raise NotWholeError(f"{path.name} was cut off")


def _check_saved_by_torch(path: Path) -> None:
    """A zip has its directory at its end; torch's older form is a bare pickle."""
    with path.open("rb") as file:
        is_pickle = file.read(1) == b"\x80"
    if not is_pickle and not zipfile.is_zipfile(path):
        raise NotWholeError(f"{path.name} was cut off")


def _set_aside(folder: Path, aside: Path) -> Path:
    aside.mkdir(exist_ok=True)
    number = 1
    while (target := aside / f"{folder.name}.{number}").exists():
        number += 1
    return folder.rename(target)
