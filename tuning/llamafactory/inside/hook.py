"""Serves our way of stopping with a checkpoint in the place of transformers' own (docs/decisions/0005).

Python imports this at its start in the training container, as `sitecustomize`.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

REPLACED = "transformers.trainer_jit_checkpoint"


class _Finder(MetaPathFinder):
    """Knows that one module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Our file for that name, nothing for any other."""
        if fullname != REPLACED:
            return None
        return spec_from_file_location(fullname, Path(__file__).with_name("agreed_stop.py"))


sys.meta_path.insert(0, _Finder())
