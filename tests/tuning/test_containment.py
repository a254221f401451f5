"""An error of any class is kept, what is to end the process goes through, and words and frames are bounded."""

from asyncio import CancelledError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.containment import Contained, frames_of, words_of
from tuning.errors import ClusterError, RemoteFileError, Unreachable


class Unheard(BaseException):
    """What a library in another language may raise: not even an Exception."""


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), OverflowError(), KeyError(1), RecursionError(), MemoryError(), StopIteration(), Unheard()],
)
def test_an_error_of_any_class_is_kept(error: BaseException) -> None:
    with Contained() as attempt:
        raise error
    assert attempt.error is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), GeneratorExit(), CancelledError()])
def test_what_ends_the_process_or_the_task_goes_through(error: BaseException) -> None:
    with pytest.raises(type(error)), Contained():
        raise error


def test_classes_that_pass_are_raised_but_for_those_that_are_excepted() -> None:
    with pytest.raises(Unreachable), Contained(ClusterError, but_not=(RemoteFileError,)):
        raise Unreachable("no route")
    with Contained(ClusterError, but_not=(RemoteFileError,)) as attempt:
        raise RemoteFileError("no folder")
    assert isinstance(attempt.error, RemoteFileError)


@given(st.text(st.characters(exclude_categories=[])))
def test_words_are_one_bounded_line_that_every_database_takes(said: str) -> None:
    words = words_of(ValueError(said))
    assert len(words) <= 500
    assert words.isprintable()
    assert words.encode().decode() == words


def deep(levels: int) -> None:
    if levels == 0:
        raise ValueError("at the bottom")
    deep(levels - 1)


def test_of_a_deep_trace_the_innermost_frames_are_told_without_values() -> None:
    with Contained() as attempt:
        deep(100)
    assert attempt.error is not None
    frames = frames_of(attempt.error).splitlines()
    assert len(frames) == 12
    assert all(frame.startswith("tuning/test_containment.py:") and frame.endswith(" deep") for frame in frames)
