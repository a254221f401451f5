"""Listing of the files beneath a folder of a run, as find prints it: asked for over a transport, or read from a record.

A run may give its files what names, sizes and times it likes: what no run has is set aside, never an error.
"""

import re
import secrets
import shlex
from dataclasses import dataclass

from tuning.errors import RemoteFileError
from tuning.moments import moment
from tuning.ssh.checked_paths import BASH_ENTER, BASH_ROOT
from tuning.ssh.transport import Transport

MAX_FILES = 20_000
_SIZE = re.compile(rb"[0-9]{1,19}")
_TIME = re.compile(rb"[0-9]{1,12}(\.[0-9]{1,12})?")
_LARGEST_FILE_BYTES = 2**60
"""An EiB: more than any disk of these years holds."""
_MAX_PATH_BYTES = 2000
"""PostgreSQL's index takes no more than 2,704 bytes in a row."""
_MAX_PATH_CHARACTERS = 1000
# The folder may not be there yet. What find prints is bounded, in bytes and in time.
_LIST = f"""
boundary=$1 root=$2
{BASH_ROOT}{BASH_ENTER}
enter "$3"
state=$?
printf '\\n%s\\n' "$boundary"
[ "$state" -lt 2 ] || exit 74
[ "$state" -eq 1 ] || timeout 20 find . -type f -printf '%s %T@ %P\\0' 2>/dev/null | head -c 4194304
exit 0
"""


@dataclass(frozen=True)
class OutputFile:
    """One file of the output folder."""

    path: str
    """Relative to the folder; never climbing out of it."""
    size_bytes: int
    modified_epoch: float


@dataclass(frozen=True)
class OutputListing:
    """Files of an output folder, and the number of entries that were set aside."""

    files: tuple[OutputFile, ...] = ()
    """Each path once."""
    set_aside: int = 0
    """So many entries are not of the expected form, name a path twice, or are beyond MAX_FILES."""


def list_files(transport: Transport, root: str, folder: str) -> OutputListing:
    """The files beneath a folder beneath the root, through no link; none where there is no such folder. One command."""
    boundary = secrets.token_hex(16)
    done = transport.run(f"set -- {shlex.join((boundary, root, folder))}\n{_LIST}")
    if done.exit_status != 0:
        raise RemoteFileError(f"cannot look into {folder}: {done.stderr.decode(errors='replace').strip()}")
    return parse_files(done.stdout.partition(f"\n{boundary}\n".encode())[2])


def parse_files(listing: bytes) -> OutputListing:
    """The listing of an output folder: NUL-ended entries of size, time and path (`find -printf '%s %T@ %P\\0'`)."""
    entries = listing[: listing.rfind(b"\0") + 1].split(b"\0")[:-1]
    found = [file for file in map(_file, entries[:MAX_FILES]) if file is not None]
    files = {file.path: file for file in found}
    return OutputListing(tuple(files.values()), len(entries) - len(files))


def is_plain_path(path: str) -> bool:
    """Whether a path could be one of a listing: it can be shown, and stays inside."""
    return _name(path.encode("utf-8", "replace")) == path


def _file(entry: bytes) -> OutputFile | None:
    size, _, rest = entry.partition(b" ")
    modified, _, path = rest.partition(b" ")
    name = _name(path)
    if name is None or not _SIZE.fullmatch(size) or not _TIME.fullmatch(modified):
        return None
    size_bytes, modified_epoch = int(size), float(modified)
    if size_bytes > _LARGEST_FILE_BYTES or moment(modified_epoch) is None:
        return None
    return OutputFile(name, size_bytes, modified_epoch)


def _name(path: bytes) -> str | None:
    """A path that can be shown and stays inside."""
    try:
        name = path[: _MAX_PATH_BYTES + 1].decode("utf-8")
    except UnicodeDecodeError:
        return None
    is_inside = bool(name) and not name.startswith("/") and ".." not in name.split("/")
    is_short = len(path) <= _MAX_PATH_BYTES and len(name) <= _MAX_PATH_CHARACTERS
    return name if is_inside and is_short and name.isprintable() else None
