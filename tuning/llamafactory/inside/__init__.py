"""What runs inside the training image beside LLaMA-Factory. Sent with each attempt; needs nothing of ours."""

from functools import cache
from importlib import resources

_FILES = {
    "inside/sitecustomize.py": "hook.py",
    "inside/agreed_stop.py": "agreed_stop.py",
    "inside/whole_checkpoints.py": "whole_checkpoints.py",
}


@cache
def programs() -> dict[str, bytes]:
    """The files of an attempt's folder that hold them, by their path in it."""
    here = resources.files("tuning.llamafactory.inside")
    return {path: (here / name).read_bytes() for path, name in _FILES.items()}
