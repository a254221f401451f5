"""The types of all columns and of what is nested in them: LLaMA-Factory's reader wants them the same in every row.

It is a limit of Arrow, in which one column has one type, and holds for columns too that training does not read.
"""

from typing import Any

from tuning.datasets.check.issues import Reason
from tuning.datasets.check.read.alike_rows import Shape, Types

FIRST_PIECE_BYTES = 10 * 1024 * 1024
"""A file of lines is read in pieces of 10 MiB (and the rest of a line); the first one settles columns and types."""

_MAX_DEPTH = 60
"""Arrow's schema ends between 60 and 90 levels."""

_SHAPES_KEPT = 64
_WIDEST_SHAPE = 200

_KINDS = {str: "text", bool: "true or false", int: "a number", float: "a number", dict: "an object", list: "a list"}


class UnsteadyColumnError(Exception):
    """A row's types do not go with those of the rows before it."""

    def __init__(self, reason: Reason, detail: str, path: str = "") -> None:
        super().__init__(detail)
        self.reason, self._detail, self._path = reason, detail, path

    def under(self, key: str) -> "UnsteadyColumnError":
        """This error as seen from one level up, with `key` before its path."""
        return UnsteadyColumnError(self.reason, self._detail, f"{shown_name(key)}.{self._path}".rstrip("."))

    @property
    def detail(self) -> str:
        """Path of the value, and the problem there."""
        return f"{self._path}: {self._detail}" if self._detail else self._path


class _Fields(dict[str, Any]):
    """By key: a scalar's type, None while only null was seen, or the _Fields or _Items of what is nested."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: dict[tuple[Any, ...], tuple[str, ...]] = {}
        """Keys and types of rows that were taken in, and which keys have lists: the rest can be nothing new."""


class _Items(dict[str, Any]):
    """The one entry "[]": what the items of a list are."""


_ABSENT = object()


class Columns:
    """Types of a file's columns, by the rows that were seen so far."""

    def __init__(self) -> None:
        self._fields = _Fields()
        self._settled = False

    def names(self) -> tuple[str, ...]:
        """The columns that occur, in the order in which they did."""
        return tuple(self._fields)

    def settle(self) -> None:
        """The first piece of the file has ended: what comes from here on has to be known."""
        self._settled = True

    def record(self, row: dict[str, Any]) -> None:
        """Take in a row. Raises UnsteadyColumnError when it does not go with the earlier ones."""
        self._record_fields(self._fields, row, _MAX_DEPTH)

    def known_shape(self, row: dict[str, Any]) -> Shape | None:
        """A row's shape, if `record` has taken in the same before and would find nothing new in another one.

        None where a number has a fraction, since whether that fits depends on its value, and where there are very many
        keys: to make a reader for them would take longer than to read the rows.
        """
        lists = self._fields.shapes.get(_shape(row)) if len(row) <= _WIDEST_SHAPE else None
        if lists is None:
            return None
        items: dict[str, Types] = {}
        for key in lists:
            of_items, first = self._fields[key].get("[]"), next(iter(row[key]), None)
            if type(of_items) is not _Fields or type(first) is not dict or len(first) > _WIDEST_SHAPE:
                return None
            if of_items.shapes.get(_shape(first)) != ():
                return None
            items[key] = _types(first)
        return Shape(_types(row), items)

    def _record_fields(self, fields: _Fields, row: dict[str, Any], depth: int) -> None:
        shape = _shape(row)
        lists = fields.shapes.get(shape)
        if lists is not None and all(_are_known(fields[key], row[key]) for key in lists):
            return
        self._record_all(fields, row, depth)
        # Whether a fraction fits depends on its value; an object in an object is looked at each time.
        if len(fields.shapes) < _SHAPES_KEPT and not any(kind in (dict, float) for kind in shape):
            fields.shapes[shape] = tuple(key for key, value in row.items() if type(value) is list)

    def _record_all(self, fields: dict[str, Any], row: dict[str, Any], depth: int) -> None:
        for key, value in row.items():
            kind = type(value)
            known = fields.get(key, _ABSENT)
            if known is kind or (value is None and known is not _ABSENT):
                continue
            try:
                if known is _ABSENT or known is None:
                    known = self._add(fields, key, value)
                self._compare(fields, key, known, value, depth)
            except UnsteadyColumnError as error:
                raise error.under(key) from None

    def _add(self, fields: dict[str, Any], key: str, value: Any) -> Any:
        if self._settled:
            raise UnsteadyColumnError(Reason.LATE_COLUMN, "only null before" if key in fields else "")
        if isinstance(value, dict | list):
            fields[key] = _Fields() if isinstance(value, dict) else _Items()
        else:
            fields[key] = None if value is None else type(value)
        return fields[key]

    def _compare(self, fields: dict[str, Any], key: str, known: Any, value: Any, depth: int) -> None:
        kind = type(value)
        if kind is dict and type(known) is _Fields:
            self._record_nested(known, value, depth)
        elif kind is list and type(known) is _Items:
            of_items = known.get("[]")
            for item in value:
                if type(item) is dict and type(of_items) is _Fields:
                    self._record_nested(of_items, item, depth)
                elif type(item) is not of_items:
                    self._record_nested(known, {"[]": item}, depth)
                    of_items = known.get("[]")
        elif kind is float and known is int:
            self._widen(fields, key, value)
        elif value is not None and kind is not known and not (kind is int and known is float):
            before = known if isinstance(known, type) else dict if type(known) is _Fields else list
            raise UnsteadyColumnError(Reason.TYPE_CHANGES, f"{_KINDS[kind]}, and {_KINDS[before]} before")

    def _record_nested(self, fields: dict[str, Any], value: dict[str, Any], depth: int) -> None:
        if depth == 0:
            raise UnsteadyColumnError(Reason.TOO_DEEP, f"more than {_MAX_DEPTH} levels")
        if isinstance(fields, _Fields):
            self._record_fields(fields, value, depth - 1)
        else:
            self._record_all(fields, value, depth - 1)

    def _widen(self, fields: dict[str, Any], key: str, value: float) -> None:
        if not self._settled:
            fields[key] = float
        elif not value.is_integer():
            raise UnsteadyColumnError(Reason.TYPE_CHANGES, "a fraction, and whole numbers before")


def _are_known(items: _Items, value: list[Any]) -> bool:
    """Whether all of a list are objects without lists of their own, of shapes that were taken in."""
    fields = items.get("[]")
    if type(fields) is not _Fields:
        return False
    shapes = fields.shapes
    for item in value:  # noqa: SIM110  the innermost loop of the check: a generator takes twice as long
        if type(item) is not dict or shapes.get((*item, *map(type, item.values()))) != ():
            return False
    return True


def _shape(row: dict[str, Any]) -> tuple[Any, ...]:
    return (*row, *map(type, row.values()))


def _types(row: dict[str, Any]) -> Types:
    return {key: type(value) for key, value in row.items()}


def shown_name(name: str) -> str:
    """A column's name for a report: short, printable, and nothing that a database refuses."""
    short = name if len(name) <= 60 else name[:60] + "…"
    return short if short.isprintable() else ascii(short)[1:-1]
