"""The operator's commands, where the service is installed beside the client; a sentence where it is not."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packtrain.errors import PacktrainError

Command = Callable[..., Any]
Groups = Mapping[str, Mapping[str, Command]]
"""Commands by their group; those of the group "" stand by themselves."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    "": ("serve", "work", "migrate"),
    "clusters": ("doctor", "trust"),
    "image": ("check",),
    "token": ("create", "list", "revoke"),
}


def operator_commands() -> Groups:
    """Those of the service's package `ops`; without it, commands of the same names that raise PacktrainError."""
    if not _is_installed():
        return {group: {name: _absent(group, name) for name in names} for group, names in _NAMES.items()}
    # By its name, not by an import statement: the client is installed without it.
    groups: Groups = import_module("ops.operator_commands").COMMANDS
    return groups


def _is_installed() -> bool:
    # Other projects have a package `ops`, too: ours has this module, and no code of theirs is run to find out.
    spec = find_spec("ops")
    return spec is not None and any(
        (Path(folder) / "operator_commands.py").is_file() for folder in spec.submodule_search_locations or ()
    )


def _absent(group: str, name: str) -> Command:
    words = f"{group} {name}".strip()

    def refuse() -> None:
        hint = "run it on the machine of the service: in its checkout, or in its container"
        raise PacktrainError(f"`packtrain {words}` is the operator's: the service is not installed here", hint=hint)

    refuse.__doc__ = "Needs the service, which is not installed here."
    return refuse
