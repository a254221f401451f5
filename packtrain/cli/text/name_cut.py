"""Names that are too long for a list, cut where they are alike: those of a sweep differ at some place of the middle."""

from collections.abc import Sequence
from itertools import takewhile

MARK = "…"
_FAMILY_LETTERS = 4
_LEAST_HEAD = 3
_LEAST_WINDOW = 8


def cut_names(names: Sequence[str], width: int) -> list[str]:
    """Each in at most so many cells of a terminal; names that begin alike are cut where they do not differ."""
    families: dict[str, set[str]] = {}
    for name in names:
        families.setdefault(name[:_FAMILY_LETTERS], set()).add(name)
    return [cut_name(name, width, families[name[:_FAMILY_LETTERS]]) for name in names]


def cut_name(name: str, width: int, family: set[str]) -> str:
    """A name without a part of its middle, chosen so that little of what tells it from its family is lost."""
    if _cells(name) <= width:
        return name
    if width <= len(MARK):
        return MARK[:width]
    start, end = _differing(name, family)
    room = width - len(MARK)
    heads = {room - room // 2, room - _cells(name[start:]), _cells(name[:end]), room - _LEAST_HEAD}
    ways = [_parts(name, min(max(head, _LEAST_HEAD), room), room) for head in sorted(heads)]
    best = min(ways, key=lambda way: (_lost(way, name, start, end), abs(len(way[0]) - len(way[1]))))
    if _lost(best, name, start, end) and width > _LEAST_WINDOW:
        return _window(name, start, width)
    return MARK.join(best)


def _window(name: str, start: int, width: int) -> str:
    """The beginning, and what follows from where names differ: they are alike for long before and behind it."""
    from rich.cells import set_cell_size

    head = set_cell_size(name, _LEAST_HEAD).rstrip()
    return f"{head}{MARK}{set_cell_size(name[start:], width - _cells(head) - 2 * len(MARK)).rstrip()}{MARK}"


def _differing(name: str, family: set[str]) -> tuple[int, int]:
    """From where to where it differs from the others of its family; nowhere where it is alone."""
    others = family - {name}
    if not others:
        return len(name), len(name)
    shortest = min(map(len, family))
    start = _alike([*family])
    ending = min(_alike([each[::-1] for each in family]), shortest - start)
    return start, len(name) - ending


def _alike(texts: Sequence[str]) -> int:
    """So many letters all begin with."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False)))


def _parts(name: str, head_cells: int, room: int) -> tuple[str, str]:
    from rich.cells import set_cell_size

    head = set_cell_size(name, head_cells).rstrip()
    tail = name
    while _cells(tail) > room - _cells(head):
        tail = tail[1:]
    return head, tail


def _lost(way: tuple[str, str], name: str, start: int, end: int) -> int:
    """Number of letters that differ and are neither in the head nor in the tail."""
    head, tail = way
    return max(0, min(end, len(name) - len(tail)) - max(start, len(head)))


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
