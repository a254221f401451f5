"""`python import_all.py PACKAGE`: imports every module of a package, run where the package's libraries are."""

import importlib
import pkgutil
import sys
from pathlib import Path


def main(name: str) -> None:
    """Raises what a module raises."""
    sys.path.insert(0, str(Path.cwd()))
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{name}."):
        importlib.import_module(module.name)


if __name__ == "__main__":
    main(sys.argv[1])
