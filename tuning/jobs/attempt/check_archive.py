"""Our own source as one file that a cluster can run: the check of data where it lies.

It is sent with each check, so that what is checked there is judged by the very code that judges an upload here.
"""

import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[2]
_MAIN = "import sys\n\nfrom tuning.datasets.check.cluster_program import main\n\nsys.exit(main(sys.argv[1:]))\n"


@cache
def check_archive() -> bytes:
    """`check.pyz`. The same source gives the same bytes: no times, no order of a folder, nothing compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, text in _files():
            archive.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()


def _files() -> Iterator[tuple[str, str]]:
    yield "__main__.py", _MAIN
    parents = ("__init__.py", "errors.py", "datasets/__init__.py")
    for path in (*(_SOURCE / name for name in parents), *sorted(_SOURCE.glob("datasets/check/**/*.py"))):
        yield f"tuning/{path.relative_to(_SOURCE)}", path.read_text(encoding="utf-8")
