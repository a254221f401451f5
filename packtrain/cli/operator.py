"""The operator's commands, where the service is installed beside the client; a sentence where it is not."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer

from packtrain.errors import PacktrainError

Command = Callable[..., Any]
Commands = Mapping[str, Mapping[str, Command]]
"""Commands by their group; those of the group "" stand by themselves."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    "": ("serve", "work", "migrate", "backup", "restore", "recover", "storage", "simulate"),
    "clusters": ("doctor", "trust"),
    "database": ("copy",),
    "image": ("check",),
    "token": ("create", "list", "revoke"),
}


def add_operator_commands(groups: Mapping[str, typer.Typer]) -> None:
    """Add those of the service's package `ops`; without it, commands of the same names that raise PacktrainError."""
    if _is_installed():
        # By its name, not by an import statement: the client is installed without it.
        commands: Commands = import_module("ops.operator_commands").COMMANDS
        settings = {}
    else:
        commands = {group: {name: _absent(group, name) for name in names} for group, names in _NAMES.items()}
        settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    for group, its in commands.items():
        for name, command in its.items():
            groups[group].command(name, context_settings=settings)(command)


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
