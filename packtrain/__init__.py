"""packtrain's client: `from packtrain import Packtrain`, and the `packtrain` command.

It needs nothing of the service, and imports httpx only where it is used: `packtrain --help` does not wait for it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packtrain.client import Packtrain as Packtrain

__all__ = ["Packtrain"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from packtrain import client  # noqa: PLC0415 - see above

    return getattr(client, name)
