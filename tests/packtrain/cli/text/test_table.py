import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from packtrain.cli.text.name_cut import cut_name, cut_names
from packtrain.cli.text.table import Column, fitting_widths

COLUMNS = (
    Column("ID"),
    Column("NAME", least_width=8),
    Column("WHY", least_width=5),
    Column("A", left_out=1),
    Column("B"),
)
WIDTHS = (10, 30, 20, 6, 4)


def test_where_there_is_room_nothing_is_cut() -> None:
    assert fitting_widths(COLUMNS, WIDTHS, 78) == dict(enumerate(WIDTHS))


def test_the_widest_gives_way_first_and_equals_share() -> None:
    assert fitting_widths(COLUMNS, WIDTHS, 70) == {0: 10, 1: 22, 2: 20, 3: 6, 4: 4}
    assert fitting_widths(COLUMNS, WIDTHS, 64) == {0: 10, 1: 18, 2: 18, 3: 6, 4: 4}


def test_a_column_is_left_out_when_all_are_cut_to_their_least() -> None:
    assert fitting_widths(COLUMNS, WIDTHS, 40) == {0: 10, 1: 10, 2: 10, 4: 4}


def test_what_must_stay_stays_however_narrow_it_is() -> None:
    assert fitting_widths(COLUMNS, WIDTHS, 5) == {0: 10, 1: 8, 2: 5, 4: 4}


SWEEP = [f"qwen3-8b wmt ja-en lora sweep lr={rate} rank={rank}" for rate in ("1e-5", "2e-5") for rank in (8, 64)]


@pytest.mark.parametrize(
    "names",
    [
        SWEEP,
        [f"lr={rate} of the whole of wmt ja-en with lora" for rate in ("1e-5", "2e-5", "5e-5")],
        [f"all of wmt ja-en, seed {seed:03}, with lora and packing" for seed in range(20)],
        [f"日本語の実験 {number} とても長い名前がついています" for number in range(20)],
    ],
)
def test_names_of_a_sweep_differ_after_they_were_cut(names: list[str]) -> None:
    cut = cut_names(names, 16)
    assert len(set(cut)) == len(names)
    assert all(cell_len(name) <= 16 for name in cut)


def test_names_are_cut_where_they_are_alike_and_nowhere_else() -> None:
    assert cut_names(SWEEP, 16) == ["qwen…1e-5 rank=8", "qwe…1e-5 rank=64", "qwen…2e-5 rank=8", "qwe…2e-5 rank=64"]


def test_a_name_alone_is_cut_in_its_middle() -> None:
    assert cut_name("0123456789abcdef", 9, {"0123456789abcdef"}) == "0123…cdef"
    assert cut_name("short", 9, {"short"}) == "short"
    assert cut_name("too long", 1, {"too long"}) == "…"


@given(st.lists(st.text(max_size=40), max_size=6), st.integers(0, 30))
def test_no_cut_name_is_wider_than_asked(names: list[str], width: int) -> None:
    for name, cut in zip(names, cut_names(names, width), strict=True):
        assert cell_len(cut) <= max(width, 0)
        assert cut == name or cell_len(name) > width
