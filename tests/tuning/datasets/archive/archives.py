"""Archives for tests, of files by their names."""

import io
import tarfile
import zipfile
from collections.abc import Mapping

Files = Mapping[str, bytes]


def as_tar(files: Files, mode: str = "w") -> bytes:
    """A tar, by the mode also a compressed one."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as tar:  # type: ignore[call-overload]  # its modes are literals
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def as_zip(files: Files) -> bytes:
    """A zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def tar_of(info: tarfile.TarInfo, content: bytes = b"") -> bytes:
    """A tar with this one member."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()
