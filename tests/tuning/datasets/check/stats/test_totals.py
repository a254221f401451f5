"""What rows consist of: lengths, turns, roles, scripts, repeats."""

from collections import Counter
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.datasets.files import alpaca, as_lines, check, messages, ranked, ranked_chat, sharegpt
from tuning.datasets.check.report import truncation
from tuning.datasets.check.row_result import RowResult
from tuning.datasets.check.run import validate
from tuning.datasets.check.stats.duplicates import Repeats
from tuning.datasets.check.stats.histogram import Bin, Histogram, rows_longer
from tuning.datasets.check.stats.totals import Contents
from tuning.datasets.check.stats.writing_systems import count_scripts

LENGTHS = st.lists(st.integers(0, 300_000), min_size=1)


@given(LENGTHS)
def test_a_histogram_counts_every_row_in_the_bin_of_its_length(lengths: list[int]) -> None:
    histogram = Histogram()
    for length in lengths:
        histogram.add(length)
    bins = histogram.bins()
    assert (histogram.total, histogram.longest) == (sum(lengths), max(lengths))
    assert sum(each.rows for each in bins) == len(lengths)
    for each in bins:
        least = each.up_to - max(1, 2 ** ((each.up_to - 1).bit_length() - 1) // 4) if each.up_to > 1 else -1
        assert each.rows == sum(least < length <= each.up_to for length in lengths)


@given(LENGTHS, st.integers(1, 300_000))
def test_how_many_rows_are_longer_is_between_its_bounds(lengths: list[int], cutoff: int) -> None:
    histogram = Histogram()
    for length in lengths:
        histogram.add(length)
    least, most = rows_longer(histogram.bins(), cutoff)
    assert least <= sum(length > cutoff for length in lengths) <= most


@given(LENGTHS, st.integers(0, 18))
def test_at_a_power_of_two_the_bounds_are_the_same(lengths: list[int], power: int) -> None:
    histogram = Histogram()
    for length in lengths:
        histogram.add(length)
    longer = sum(length > 2**power for length in lengths)
    assert rows_longer(histogram.bins(), 2**power) == (longer, longer)


@given(st.lists(st.integers(0, 5)))
def test_few_contents_are_compared_exactly(numbers: list[int]) -> None:
    repeats = Repeats()
    for number in numbers:
        repeats.add((str(number),))
    assert (repeats.repeated(), repeats.rows(), repeats.one_in) == (len(numbers) - len(set(numbers)), len(numbers), 1)


def test_many_contents_are_compared_by_a_sample_at_bounded_memory() -> None:
    """Every content comes twice, in two rounds: half of the rows are repeats."""
    repeats = Repeats()
    for _ in range(2):
        for number in range(600_000):
            repeats.add((str(number),))
    assert repeats.one_in >= 4
    assert len(repeats._rows_by_content) <= 2**17
    assert repeats.repeated() * 2 == repeats.rows()


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Hello, World 42!", {"Latin": 10}),
        ("café Ångström", {"Latin": 12}),
        ("日本語です", {"Han": 3, "Kana": 2}),
        ("한국어", {"Hangul": 3}),
        ("Привет мир", {"Cyrillic": 9}),
        ("ελληνικά", {"Greek": 8}),
        ("سلام", {"Arabic": 4}),
        ("ไทย", {"Thai": 3}),
        ("ⴰⵎ ᚠ", {"other": 3}),
        ("", {}),
        ("1 + 1 = 2 🦙", {}),
        ("a" * 3000, {"Latin": 2000}),
    ],
)
def test_letters_are_counted_by_script(text: str, letters: dict[str, int]) -> None:
    assert count_scripts([text]) == Counter(letters)


def test_the_report_tells_roles_and_turns() -> None:
    rows = [messages(), messages(("user", "a"), ("assistant", "b"), ("tool", "c"), ("assistant", "d"))]
    rows.append(messages(("user", "a"), ("bob", "b")))
    report = check(as_lines(rows)).report
    assert {each.role: each.messages for each in report.roles} == {
        "user": 3,
        "assistant": 3,
        "system": 1,
        "tool": 1,
        "bob": 1,
    }
    assert report.turns == (Bin(2, 1), Bin(4, 1))


def test_turns_of_alpaca_rows_are_those_of_their_history_and_two() -> None:
    rows = [alpaca(history=[]), alpaca(history=[["a", "b"], ["c", "d"]])]
    report = check(as_lines(rows)).report
    assert (report.turns, report.roles) == ((Bin(2, 1), Bin(6, 1)), ())


def test_roles_are_counted_however_many_sequences_of_them_there_are() -> None:
    contents = Contents()
    for number in range(10_000):
        contents.see(RowResult(None, roles=("user", f"role {number}")))
    assert contents.roles()[0].messages == 10_000
    assert len(contents.roles()) == 20


def test_the_report_tells_scripts_by_their_share_of_the_letters() -> None:
    rows = [alpaca(instruction="abc", input="日本", output="語です")]
    scripts = check(as_lines(rows)).report.scripts
    assert scripts
    assert [(each.script, each.share) for each in scripts.shares] == [("Latin", 0.375), ("Han", 0.375), ("Kana", 0.25)]
    assert scripts.rows == 1


def test_of_many_rows_a_part_is_looked_at_for_scripts() -> None:
    scripts = check(as_lines([alpaca()] * 10_000)).report.scripts
    assert scripts
    assert scripts.rows == 256 + 77


def test_the_report_tells_rows_that_say_the_same() -> None:
    rows = [alpaca(id=1), alpaca(id=2), alpaca(output="other", id=3), alpaca(output=None, id=4)]
    repeats = check(as_lines(rows)).report.repeats
    assert repeats
    assert (repeats.repeated, repeats.compared, repeats.one_in) == (1, 3, 1)


def test_both_answers_of_a_pair_are_counted() -> None:
    assert check(as_lines([ranked(instruction="1", chosen="22", rejected="333")])).report.characters.total == 6
    assert check(as_lines([ranked_chat(("human", "1"))])).report.characters.total == 1 + len("Hi!") + len("What?")


def test_tokens_are_counted_where_somebody_can() -> None:
    content = as_lines([sharegpt(("human", "a b c"), ("gpt", "d e"))])
    report = validate(BytesIO(content), count_tokens=lambda text: len(text.split())).report
    assert report.tokens
    assert (report.tokens.total, report.characters.total) == (5, 8)
    assert check(content).report.tokens is None


@pytest.mark.parametrize(("counts", "unit", "longer"), [(False, "characters", 2), (True, "tokens", 1)])
def test_what_is_cut_is_told_in_tokens_where_they_were_counted(counts: bool, unit: str, longer: int) -> None:
    rows = [alpaca(instruction=text, input="", output="") for text in ("a", "ab", "a b c", "aaaa")]
    report = validate(BytesIO(as_lines(rows)), count_tokens=(lambda text: len(text.split())) if counts else None).report
    found = truncation(report, 2)
    assert (found.unit, found.rows_at_least, found.rows_at_most) == (unit, longer, longer)
