"""Our own source as one file that a cluster can run: the check of data where it lies.

It is sent with each check, so that what is checked there is judged by the very code that judges an upload here.
"""

import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_SOURCE = Path(__file__).resolve().parent
_MAIN = "import sys\n\nfrom tuning.datasets.cluster_program import main\n\nsys.exit(main(sys.argv[1:]))\n"
_NEEDS_A_DATABASE = frozenset({"collection.py", "models.py", "on_cluster.py", "repository.py", "service.py"})


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
    for path in (_SOURCE / "__init__.py", _SOURCE / "errors.py", *sorted(_SOURCE.glob("datasets/*.py"))):
        if path.name not in _NEEDS_A_DATABASE:
            yield f"tuning/{path.relative_to(_SOURCE)}", path.read_text(encoding="utf-8")
