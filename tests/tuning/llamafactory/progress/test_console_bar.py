import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.progress.console_bar import MAX_SEARCHED_BYTES, ConsoleBar, bars_in


def drawn(step: int, total: int, elapsed: str = "12:34", words: str = "") -> bytes:
    percent = 100 * step // total
    return f"\r{words}{percent:3d}%|{'█' * (percent // 10):10}| {step}/{total} [{elapsed}<15:20,  1.67s/it]".encode()


@pytest.mark.parametrize(
    ("elapsed", "seconds"), [("00:05", 5), ("12:34", 754), ("3:00:01", 10_801), ("120:00:00", 432_000)]
)
def test_the_newest_bar_is_read(elapsed: str, seconds: int) -> None:
    chunk = drawn(449, 1000, "00:01") + drawn(450, 1000, elapsed)
    assert bars_in(chunk) == (ConsoleBar(450, 1000, seconds),)


def test_a_bar_of_an_evaluation_stands_beside_that_of_the_training() -> None:
    chunk = drawn(450, 1000) + drawn(3, 20) + drawn(451, 1000) + drawn(20, 20)
    assert [(bar.current_steps, bar.total_steps) for bar in bars_in(chunk)] == [(451, 1000), (20, 20)]
    assert [bar.current_steps for bar in bars_in(chunk + drawn(452, 1000))] == [20, 452], "the newest is the last"


@pytest.mark.parametrize(
    "chunk",
    [
        b"",
        drawn(5, 10, words="Running tokenizer on dataset: "),
        drawn(1, 2, words="Loading checkpoint shards: "),
        drawn(0, 1000),
        drawn(11, 10),
        drawn(5, 2**31),
        drawn(5, 10, "?"),
        b"  5%|     | 5/100 examples\n",
        b"the loss fell by 45%| and so | 5/100 [00:01<00:02]\n",
        drawn(5, 100)[:30],
    ],
)
def test_what_is_no_bar_of_steps_is_none(chunk: bytes) -> None:
    assert bars_in(chunk) == ()


def test_lines_of_the_log_between_bars_hide_none() -> None:
    chunk = drawn(10, 100, "00:21") + b"\n{'loss': 1.5, 'epoch': 0.1}\n" + drawn(11, 100, "00:23") + b"\n"
    assert bars_in(chunk) == (ConsoleBar(11, 100, 23),)


def test_only_the_end_of_a_flood_is_searched() -> None:
    assert bars_in(drawn(5, 100) + b"x" * MAX_SEARCHED_BYTES) == ()


@given(st.binary(max_size=300) | st.text(alphabet="\r\n 0123456789%|/[]<:.,█its", max_size=200).map(str.encode))
def test_any_bytes_of_a_console_are_survived(chunk: bytes) -> None:
    for bar in bars_in(chunk):
        assert 0 < bar.current_steps <= bar.total_steps


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 59), st.binary(max_size=80))
def test_a_bar_is_found_behind_any_bytes(step: int, more: int, seconds: int, before: bytes) -> None:
    assert ConsoleBar(step, step + more, seconds) in bars_in(before + drawn(step, step + more, f"00:{seconds:02d}"))
