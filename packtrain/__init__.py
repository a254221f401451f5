"""packtrain's client: `from packtrain import Packtrain, AsyncPacktrain`, and the `packtrain` command.

It needs nothing of the service, and imports httpx only where it is used: `packtrain --help` does not wait for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packtrain.async_client import AsyncPacktrain as AsyncPacktrain
    from packtrain.client import Packtrain as Packtrain

_MODULES = {"AsyncPacktrain": "packtrain.async_client", "Packtrain": "packtrain.client"}
__all__ = ["AsyncPacktrain", "Packtrain"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
