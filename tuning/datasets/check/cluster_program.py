"""The check of a file where it lies: `python3 check.pyz ORDER.json`, inside the training image on a compute node.

What was checked is byte for byte what is trained on: the file is copied first, the copy is checked, and the batch
script moves the copy to the place of its content. The report is a JSON file; status 0 says that there is one, whatever
it says.
Like tuning.datasets itself it needs the standard library alone (pyarrow for Parquet, tokenizers for a tokenizer).
"""

import base64
import fcntl
import hashlib
import json
import os
import shutil
import signal
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from tuning.datasets.check.layouts.formats import Formatting, Purpose, Wanted
from tuning.datasets.check.media import InFolder
from tuning.datasets.check.read.tables import Table, find_table, json_lines
from tuning.datasets.check.run import CheckedFile, validate
from tuning.datasets.check.stats.token_lengths import token_counter
from tuning.errors import Finding, InvalidInput

HEAD_BYTES = 64 * 1024
"""So much of the content comes back, to be looked at without it."""
MAX_TABLE_BYTES = 64 * 1024**3
"""As the largest upload is by default: a small Parquet file may unfold to any size."""
_BUFFER_BYTES = 1024 * 1024
_CLONE = 0x40049409  # FICLONE of linux/fs.h, which Python does not name


@dataclass(frozen=True)
class Order:
    """Order to check a file: its path, the places of copy and report; made by tuning.jobs.attempt.check_plan."""

    path: str
    roots: Sequence[str]
    """The file must lie beneath one of these, also after all links were followed."""
    closed: Sequence[str]
    """And beneath none of these: packtrain's own folders hold what is not everybody's."""
    arriving: str
    """The copy, until it was found good; on the file system of `content`."""
    content: str
    """Where a good copy is handed over: a path with {sha256} and {extension}."""
    report: str
    tokenizer: str | None = None
    format: Formatting | None = None
    purpose: Purpose | None = None
    entry: dict[str, Any] | None = None


def main(arguments: Sequence[str]) -> int:
    """Check what the order in this file names; for a process of its own."""
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _end)
    write_report(Order(**json.loads(Path(arguments[0]).read_text(encoding="utf-8"))))
    return 0


def write_report(order: Order) -> None:
    """Check what the order names, and tell of it where the order says."""
    try:
        report = take_in(order)
    except InvalidInput as error:
        report = {"findings": [asdict(finding) for finding in error.findings]}
    # a message may quote half a character of a broken file
    _write_whole(Path(order.report), json.dumps(report, ensure_ascii=False).encode("utf-8", "replace"))


def take_in(order: Order) -> dict[str, Any]:
    """Put a good file among the contents; what is told of it. Raises InvalidInput with what is wrong in which line."""
    count_tokens = token_counter(Path(order.tokenizer)) if order.tokenizer else None
    with _opened(order) as source, _arriving(Path(order.arriving)) as copy:
        table = _fill(copy, source, order.path)
        _say(f"copied {copy.stat().st_size} bytes of {order.path}")
        with copy.open("rb", buffering=_BUFFER_BYTES) as stream:
            wanted, beside = Wanted(order.format, order.purpose, order.entry), InFolder(str(Path(order.path).parent))
            checked = validate(stream, wanted, count_tokens, media=beside)
            told = _told(checked, table, stream)
        content = Path(order.content.format(sha256=told["sha256"], extension=checked.report.encoding))
        content.parent.mkdir(exist_ok=True)
        copy.replace(content)
    _say(f"{checked.report.kept} of {checked.report.rows} rows are trained on")
    return told


def _told(checked: CheckedFile, table: Table | None, stream: BinaryIO) -> dict[str, Any]:
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    digest = hashlib.sha256()
    while piece := stream.read(_BUFFER_BYTES):
        digest.update(piece)
    return {
        "report": replace(checked.report, made_from=table).as_json(),
        "entry": checked.entry,
        "sha256": digest.hexdigest(),
        "size_bytes": stream.tell(),
        "head": base64.b64encode(head).decode(),
    }


@contextmanager
def _opened(order: Order) -> Iterator[BinaryIO]:
    """The file itself, once it is known what it is. Raises InvalidInput."""
    with _stream_of(order) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise _refused(order, "is not a file", "name one file of rows")
        # asked of what is open: a link may be changed while it is looked at
        real = os.path.realpath(f"/proc/self/fd/{stream.fileno()}")
        if not _lies_under(real, order.roots) or _lies_under(real, order.closed):
            raise _refused(order, "leads out of the folders that jobs may use", "name the file itself, where it lies")
        yield stream


def _stream_of(order: Order) -> BinaryIO:
    try:
        return open(order.path, "rb", buffering=_BUFFER_BYTES, opener=_open_at_once)
    except OSError as error:
        raise _refused(order, f"cannot be read on the cluster: {error.strerror}") from error


def _open_at_once(path: str, flags: int) -> int:
    """A pipe that nobody writes to would be waited for."""
    return os.open(path, flags | os.O_NONBLOCK)


def _lies_under(path: str, folders: Sequence[str]) -> bool:
    return any(path.startswith(os.path.realpath(folder).rstrip("/") + "/") for folder in folders)


@contextmanager
def _arriving(path: Path) -> Iterator[Path]:
    """Unless it was moved to its place, nothing of it is left behind."""
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _fill(copy: Path, source: BinaryIO, name: str) -> Table | None:
    """The bytes as they are, or the JSON lines of a table."""
    table = find_table(source, name)
    with copy.open("wb", buffering=_BUFFER_BYTES) as target:
        if table is not None:
            with closing(json_lines(source, table)) as pieces:
                target.writelines(_bounded(pieces))
        elif not _cloned(target, source):
            shutil.copyfileobj(source, target, _BUFFER_BYTES)
        target.flush()
        os.fsync(target.fileno())
    return table


def _bounded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_TABLE_BYTES:
            message = f"as JSON lines the table is larger than {MAX_TABLE_BYTES} bytes"
            raise InvalidInput([Finding(("cluster_path",), message, "split it, or make JSON lines of it")])
        yield piece


def _cloned(target: BinaryIO, source: BinaryIO) -> bool:
    """Whether the file system let both share their bytes: no second copy, and done at once."""
    try:
        fcntl.ioctl(target.fileno(), _CLONE, source.fileno())
    except OSError:
        return False
    return True


def _write_whole(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def _refused(order: Order, what: str, hint: str | None = None) -> InvalidInput:
    return InvalidInput([Finding(("cluster_path",), f"{order.path} {what}", hint)])


def _end(_signal: int, _frame: object) -> NoReturn:
    """As an exception, so that the copy is removed."""
    raise SystemExit(128 + signal.SIGTERM)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
