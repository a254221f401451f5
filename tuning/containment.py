"""Containment of unforeseen errors: a block whose error is kept instead of raised, but for those that pass.

An error nobody foresaw may be of any class: also one that is no Exception (a panic of a library written in Rust is
not). What ends the process or the task passes always.
"""

import traceback
from asyncio import CancelledError
from pathlib import PurePath
from types import TracebackType

from tuning.db.database_errors import complaint

_END_OF_ALL: tuple[type[BaseException], ...] = (KeyboardInterrupt, SystemExit, GeneratorExit, CancelledError)
_LAST_FRAMES = 12
_MOST_CHARACTERS = 500


class Contained:
    """`with Contained(Foreseen) as attempt: ...`; afterwards `attempt.error` is what was raised in it, or None."""

    def __init__(self, *passing: type[BaseException], but_not: tuple[type[BaseException], ...] = ()) -> None:
        """Errors of the classes `passing` are raised as ever, unless they are among `but_not`."""
        self._passing: tuple[type[BaseException], ...] = (*_END_OF_ALL, *passing)
        self._but_not = but_not
        self.error: BaseException | None = None

    def __enter__(self) -> "Contained":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        if error is None or (isinstance(error, self._passing) and not isinstance(error, self._but_not)):
            return False
        self.error = error
        return True


def words_of(error: BaseException) -> str:
    """Message of an error, bounded, in one line that every database and terminal takes."""
    said = "".join(character if character.isprintable() else "?" for character in complaint(error)[:_MOST_CHARACTERS])
    return said.encode("utf-8", "replace").decode()


def frames_of(error: BaseException) -> str:
    """Innermost frames of the place where an error was raised, a line each. No values: they may be a user's."""
    frames = traceback.extract_tb(error.__traceback__)[-_LAST_FRAMES:]
    return "\n".join(f"{_module(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames)


def _module(path: str) -> str:
    return "/".join(PurePath(path).parts[-2:])
