"""Programs inside the training image beside LLaMA-Factory. Sent with each attempt; they need nothing of ours.

One file, since each costs whoever submits a round trip to the cluster's file server: Python takes modules from a zip
archive as from a folder, and runs its `__main__.py`.
"""

import io
import zipfile
from functools import cache
from importlib import resources

PROGRAMS_FILE = "inside.pyz"
_SERVE = ("__init__.py", "program.py", "answers.py", "generation.py", "stop_words.py")
_FILES = {
    "sitecustomize.py": "hook.py",
    "trainer_jit_checkpoint.py": "agreed_stop.py",
    "launch.py": "launch.py",
    "whole_checkpoints.py": "whole_checkpoints.py",
    **{f"serve/{name}": f"serve/{name}" for name in _SERVE},
}
_MAIN = "import sys\nfrom importlib import import_module\n\nsys.exit(import_module(sys.argv[1]).main(sys.argv[2:]))\n"
"""`python3 inside.pyz MODULE ARGUMENT...`"""


@cache
def programs() -> bytes:
    """The archive, the same bytes each time."""
    here = resources.files("tuning.llamafactory.inside")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py"), _MAIN, zipfile.ZIP_DEFLATED)
        for name, source in _FILES.items():
            archive.writestr(zipfile.ZipInfo(name), (here / source).read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
