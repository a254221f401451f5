"""Serves our way of stopping with a checkpoint in the place of transformers' own (docs/decisions/0005).

Python imports this at its start in the training container, as `sitecustomize`.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

REPLACED = "transformers.trainer_jit_checkpoint"


class _Finder(MetaPathFinder):
    """Knows that one module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Our module for that name, which lies beside this file, and nothing for any other."""
        return PathFinder.find_spec(fullname, [str(Path(__file__).parent)]) if fullname == REPLACED else None


sys.meta_path.insert(0, _Finder())
