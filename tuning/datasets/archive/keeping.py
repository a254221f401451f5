"""An uploaded archive, checked and kept: its rows line by line, and that every file which they name is in it."""

from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import BinaryIO

from tuning.datasets.archive.contents import Contents
from tuning.datasets.archive.members import Archive
from tuning.datasets.archive.packing import folder_of, rows_path
from tuning.datasets.archive.placing import Placing
from tuning.datasets.bounded_check import BoundedCheck
from tuning.datasets.check.issues import Reason
from tuning.datasets.check.layouts.formats import Wanted
from tuning.datasets.check.layouts.given_entry import given_layout
from tuning.datasets.check.media import MARKS, SentAlong
from tuning.datasets.check.read.tables import Table, find_table
from tuning.datasets.check.run import CheckedFile
from tuning.datasets.storage.store import ContentStore, Incoming, StoredContent
from tuning.datasets.table_lines import write_json_lines
from tuning.errors import Finding, InvalidInput

Pieces = Generator[bytes, None, None]
HEAD_BYTES = 64 * 1024
"""So much of the rows is kept apart, to be looked at without the archive."""


@dataclass(frozen=True)
class KeptArchive:
    """An archive that was found good and is in the store."""

    content: StoredContent
    checked: CheckedFile
    head: bytes
    """The beginning of its rows."""


def keep_archive(
    store: ContentStore, incoming: Incoming, archive: Archive, wanted: Wanted | None, check: BoundedCheck
) -> KeptArchive:
    """Check what has come in, and put it into the store as one tar. Raises InvalidInput, StorageFull, CheckCut."""
    with ExitStack() as stack:
        source = stack.enter_context(incoming.open())
        contents = check.contents(source, archive, incoming.max_bytes)
        wanted = _wanted(wanted, contents)
        keeper = _Keeper(store, incoming, check, stack)
        lines, table = keeper.rows(source, archive, contents)
        placing = _placing(incoming.sha256, contents, wanted)
        placed = keeper.filled(check.placed_lines(lines, placing))
        checked = check.validate(placed, wanted, SentAlong(placing.placed))
        _refuse_unread(checked)
        placed.seek(0)
        head = placed.read(HEAD_BYTES)
        tar = stack.enter_context(store.receive(incoming.room_bytes))
        keeper.fill(tar, check.packed(source, archive, placed, placing, contents.size_bytes))
        return KeptArchive(tar.keep("tar"), _described(checked, table, placing), head)


class _Keeper:
    """The steps of one archive, whose files are gone with the stack."""

    def __init__(self, store: ContentStore, incoming: Incoming, check: BoundedCheck, stack: ExitStack) -> None:
        self._store, self._incoming, self._check, self._stack = store, incoming, check, stack

    def rows(self, source: BinaryIO, archive: Archive, contents: Contents) -> tuple[BinaryIO, Table | None]:
        """The file of rows as JSON, and the table that it was."""
        rows = self.filled(self._check.member(source, archive, contents.rows, contents.size_bytes))
        table = find_table(rows, contents.rows)
        if table is None:
            return rows, None
        lines = self._stack.enter_context(self._store.receive(self._incoming.room_bytes))
        write_json_lines(rows, table, lines, self._check)
        return self._stack.enter_context(lines.open()), table

    def filled(self, pieces: Pieces) -> BinaryIO:
        """A file of these pieces, to be read from its start."""
        target = self._stack.enter_context(self._store.receive(self._incoming.room_bytes))
        self.fill(target, pieces)
        return self._stack.enter_context(target.open())

    def fill(self, target: Incoming, pieces: Pieces) -> None:
        """Write these pieces."""
        with closing(pieces):
            for piece in pieces:
                target.write(piece)


def _wanted(wanted: Wanted | None, contents: Contents) -> Wanted:
    """The sender's entry, else that of the archive's own register."""
    wanted = wanted or Wanted()
    if wanted.entry is not None or contents.entry is None:
        return wanted
    given_layout(contents.entry)
    return replace(wanted, entry=contents.entry)


def _placing(archive_sha256: str, contents: Contents, wanted: Wanted) -> Placing:
    columns = None
    if wanted.entry is not None:
        named: Mapping[str, str] = wanted.entry.get("columns", {})
        columns = tuple(named[kind] for kind in MARKS if kind in named)
    return Placing(folder_of(archive_sha256), contents.rows, contents.media, columns)


def _refuse_unread(checked: CheckedFile) -> None:
    """Files that were sent along are meant to be read: a column of paths that only late rows have is not found out."""
    unread = [problem for problem in checked.report.problems if problem.reason is Reason.UNUSED_MEDIA]
    if unread:
        place = unread[0].places[0]
        message = f"row {place.row} (line {place.line}): the column {place.detail} of media is not read"
        hint = "name it in the entry, or put a row that has it among the first 100"
        raise InvalidInput([Finding(("file", place.line), message, hint)])


def _described(checked: CheckedFile, table: Table | None, placing: Placing) -> CheckedFile:
    """Its entry names the rows as they lie beneath a job's folder of data."""
    report = replace(checked.report, made_from=table, media_files=len(placing.media))
    return replace(checked, report=report, entry={**checked.entry, "file_name": rows_path(placing.folder)})
