"""Read a whole data file once, as LLaMA-Factory would: what would crash the job is refused, what it drops is told."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import chain, islice
from typing import Any, BinaryIO

from tuning.datasets.check.issues import EXPLANATIONS, Outcome, Reason
from tuning.datasets.check.layouts.columns import FIRST_PIECE_BYTES, Columns, UnsteadyColumnError, shown_name
from tuning.datasets.check.layouts.converters import judge_for
from tuning.datasets.check.layouts.dates import DateColumns
from tuning.datasets.check.layouts.detection import detect_layout
from tuning.datasets.check.layouts.formats import Layout, Wanted, dataset_info_entry
from tuning.datasets.check.layouts.given_entry import given_sample_count
from tuning.datasets.check.media import MARKS, MediaFiles, MediaJudge
from tuning.datasets.check.read.alike_rows import AlikeReader, AlikeRows, Shape
from tuning.datasets.check.read.array_rows import read_array_rows
from tuning.datasets.check.read.decoding import decode_quickly
from tuning.datasets.check.read.line_rows import Place, read_blocks, read_line_rows
from tuning.datasets.check.read.parallel import count_in_parts
from tuning.datasets.check.read.rows import Encoding, Fault, Row, find_encoding
from tuning.datasets.check.report import DatasetReport, RowProblem, Tally
from tuning.datasets.check.row_result import RowResult
from tuning.datasets.check.stats.totals import Contents, CountTokens
from tuning.errors import Finding, InvalidInput

_ROWS_TO_DETECT_BY = 100
_MOST_FAULTS_TOLD = 3
"""Where no row is one: a binary file is wrong in each of its lines."""
_JSON_HINT = "send JSON lines or one JSON array, as UTF-8"
_SIGNATURES = {
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a zip file",
    b"ARROW1": "an Arrow file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


@dataclass(frozen=True)
class CheckedFile:
    """A file that LLaMA-Factory reads without an error, and trains on some of its rows."""

    report: DatasetReport
    entry: dict[str, Any]
    """Its dataset_info.json entry, without file_name."""


def validate(
    stream: BinaryIO,
    wanted: Wanted | None = None,
    count_tokens: CountTokens | None = None,
    processes: int = 1,
    media: MediaFiles | None = None,
) -> CheckedFile:
    """Check a seekable file from its start to its end, at constant memory, in a few microseconds a short row.

    The `media` are the files that rows may name; None: nobody knows them. With more than one of `processes` the file
    must be one of the file system; a large one of alike rows is shared out.
    Raises InvalidInput when LLaMA-Factory would end with an error on it, or keep none of its rows, or when its rows
    have no known form or another one than `wanted`: findings name rows and lines, the first 20 of each reason.
    """
    _refuse_other_kinds_of_file(stream)
    encoding = find_encoding(stream)
    rows = read_array_rows(stream) if encoding == "json" else read_line_rows(stream)
    first = list(islice(rows, _ROWS_TO_DETECT_BY))
    layout = _layout_of(first, wanted)
    check = _Check(layout, MediaJudge(layout, media), encoding, Contents(count_tokens))
    if encoding == "json":
        check.read(chain(first, rows))
    else:
        stream.seek(0)
        check.read_lines(stream, by_blocks=count_tokens is None, processes=processes)
    found = check.finish()
    drawn = given_sample_count(wanted.entry) if wanted is not None and wanted.entry is not None else {}
    return replace(found, entry={**found.entry, **drawn})


class _Check:
    def __init__(self, layout: Layout, media: MediaJudge, encoding: Encoding, contents: Contents) -> None:
        self._media = media
        self._layout, self._encoding, self._judge = layout, encoding, judge_for(layout)
        self._columns, self._tally, self._contents = Columns(), Tally(), contents
        self._settled = False
        self._reader: AlikeReader | None = None
        self._dates = DateColumns(layout) if encoding == "jsonl" else None

    def read(self, rows: Iterable[Row | Fault]) -> None:
        for row in rows:
            self._tally.rows += 1
            if isinstance(row, Fault):
                self._tally.note(row.reason, row.number, row.line, row.detail)
            elif type(row.value) is not dict:
                self._tally.note(Reason.NOT_AN_OBJECT, row.number, row.line, "")
            else:
                self._take(row)

    def read_lines(self, stream: BinaryIO, *, by_blocks: bool, processes: int) -> None:
        """A file of lines: block by block where nothing in a block can be doubtful, else row by row."""
        place, may_share = Place(), by_blocks and processes > 1
        for block in read_blocks(stream):
            if may_share and self._settled:
                if self._take_parts(stream, processes):
                    return
                may_share = False
            if not (by_blocks and self._take_all(block.content, place.bytes + block.size)):
                self.read(read_line_rows(BytesIO(block.content), place))
            place = block.behind(place, self._tally.rows)

    def _take_all(self, block: bytes, end_bytes: int) -> bool:
        """Whether all rows of a block are as good as known ones, and so were taken in."""
        if not self._settled and end_bytes > FIRST_PIECE_BYTES:
            return False
        first = decode_quickly(block[: block.find(b"\n") + 1] or block)
        if first is None or self._media.columns or not first.keys().isdisjoint(MARKS):
            return False
        if not self._settled and self._dates is not None and self._dates.may_be(first):
            return False
        rows = self._read_alike(block, self._columns.known_shape(first))
        good = self._judge.all_good(rows) if rows is not None else None
        if rows is None or good is None:
            return False
        self._tally.rows += len(rows)
        self._contents.keep_all(good)
        return True

    def _take_parts(self, stream: BinaryIO, processes: int) -> bool:
        """Whether all rows of the file are as good as those of its first piece, and were counted anew, with these."""
        if self._reader is None or self._tally.has_notes():
            return False
        counted = count_in_parts(stream, self._judge, self._reader.shape, processes)
        if counted is None:
            return False
        self._tally.rows, self._contents = counted.rows, counted.contents
        return True

    def _read_alike(self, block: bytes, shape: Shape | None) -> AlikeRows | None:
        if shape is None:
            return None
        if self._reader is None or self._reader.shape != shape:
            self._reader = AlikeReader(shape)
        return self._reader.read(block)

    def finish(self) -> CheckedFile:
        """Raises InvalidInput."""
        if self._dates is not None:
            for column in self._dates.columns():
                self._tally.note(Reason.ALL_DATES, 1, 1, column)
        problems = self._tally.problems()
        kept = self._kept()
        if self._tally.outcomes[Outcome.JOB_FAILS] or not kept:
            raise InvalidInput(_findings(problems, kept))
        entry = dataset_info_entry(self._media.layout_as_seen(), self._columns.names())
        return CheckedFile(self._report(problems, entry), entry)

    def _take(self, row: Row) -> None:
        if not self._settled and row.offset > FIRST_PIECE_BYTES:
            self._columns.settle()
            self._settled = True
        try:
            self._columns.record(row.value)
        except UnsteadyColumnError as error:
            self._tally.note(error.reason, row.number, row.line, error.detail)
            return
        result = self._judge(row.value)
        result = self._with_media(result, row.value)
        self._contents.see(result)
        outcome = Outcome.KEPT
        if result.reason is not None:
            outcome = EXPLANATIONS[result.reason].outcome
            self._tally.note(result.reason, row.number, row.line, result.detail)
        if outcome is Outcome.KEPT:
            self._contents.keep(result)
        if self._dates is not None and outcome is not Outcome.JOB_FAILS and not self._settled:
            self._dates.look_at(row.value)

    def _with_media(self, result: RowResult, row: dict[str, Any]) -> RowResult:
        """Problems, those of the media first where the job fails by them, else last."""
        found = self._media.look(row) if result.reason is None or _is_kept(result.reason) else None
        if found is None or (result.reason is not None and _is_kept(found[0])):
            return result
        return result._replace(reason=found[0], detail=found[1])

    def _kept(self) -> int:
        outcomes = self._tally.outcomes
        return self._tally.rows - outcomes[Outcome.DROPPED] - outcomes[Outcome.JOB_FAILS]

    def _report(self, problems: tuple[RowProblem, ...], entry: dict[str, Any]) -> DatasetReport:
        columns = self._columns.names()
        used = set(entry["columns"].values())
        return DatasetReport(
            encoding=self._encoding,
            format=self._layout.formatting,
            purpose=self._layout.purpose,
            rows=self._tally.rows,
            kept=self._kept(),
            dropped=self._tally.outcomes[Outcome.DROPPED],
            problems=problems,
            columns=tuple(shown_name(name) for name in columns[:100]),
            unused_columns=tuple(shown_name(name) for name in columns[:100] if name not in used),
            characters=self._contents.characters(),
            tokens=self._contents.tokens(),
            turns=self._contents.turns(),
            roles=self._contents.roles(),
            scripts=self._contents.scripts(),
            repeats=self._contents.repeats(),
        )


def _is_kept(reason: Reason) -> bool:
    return EXPLANATIONS[reason].outcome is Outcome.KEPT


def _refuse_other_kinds_of_file(stream: BinaryIO) -> None:
    head = stream.read(8)
    stream.seek(0)
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            raise InvalidInput([Finding(("file",), f"this is {kind}, not JSON", _JSON_HINT)])


def _layout_of(first: list[Row | Fault], wanted: Wanted | None) -> Layout:
    """Raises InvalidInput; where rows are broken, they are named first, since the form may be clear without them."""
    if not first:
        hint = "send JSON lines or one JSON array of objects"
        raise InvalidInput([Finding(("file",), "there is not one row in the file", hint)])
    broken = _broken_rows(first)
    objects = [row.value for row in first if isinstance(row, Row) and isinstance(row.value, dict)]
    if not objects:
        raise InvalidInput(_no_rows(first, broken))
    try:
        return detect_layout(objects, wanted)
    except InvalidInput as error:
        raise InvalidInput([*broken, *error.findings]) from error


def _no_rows(first: list[Row | Fault], broken: list[Finding]) -> list[Finding]:
    """The first of what is wrong, and that nothing is right, where that is said of many rows."""
    if len(first) <= _MOST_FAULTS_TOLD:
        return broken
    told = [finding for finding in broken if len(finding.loc) > 1][:_MOST_FAULTS_TOLD]
    return [*told, Finding(("file",), f"none of the first {len(first)} rows is a JSON object", _JSON_HINT)]


def _broken_rows(first: list[Row | Fault]) -> list[Finding]:
    tally = Tally()
    for row in first:
        if isinstance(row, Fault):
            tally.note(row.reason, row.number, row.line, row.detail)
        elif not isinstance(row.value, dict):
            tally.note(Reason.NOT_AN_OBJECT, row.number, row.line, "")
    return _findings(tally.problems(), kept=0)


def _findings(problems: tuple[RowProblem, ...], kept: int) -> list[Finding]:
    """One for each place; what LLaMA-Factory drops is a finding only when nothing is left."""
    told = [problem for problem in problems if problem.outcome is Outcome.JOB_FAILS]
    if not told and kept == 0:
        told = [problem for problem in problems if problem.outcome is Outcome.DROPPED]
    return [finding for problem in told for finding in _findings_of(problem)]


def _findings_of(problem: RowProblem) -> list[Finding]:
    findings = [
        Finding(
            ("file", place.line),
            f"row {place.row} (line {place.line}): {problem.message}" + (f" ({place.detail})" if place.detail else ""),
            problem.hint,
        )
        for place in problem.places
    ]
    more = problem.rows - len(problem.places)
    if more:
        findings.append(Finding(("file",), f"{problem.message}: {more} more rows", problem.hint))
    return findings
