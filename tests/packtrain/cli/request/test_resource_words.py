import pytest
from hypothesis import given
from hypothesis import strategies as st

from packtrain.cli.request.resource_words import slurm_memory, slurm_time
from tuning.jobs.request.time_limit import parse_time_limit


@pytest.mark.parametrize(
    ("words", "time"),
    [
        ("8h", "08:00:00"), ("90min", "01:30:00"), ("1d 12h", "1-12:00:00"), ("2 days", "2-00:00:00"),
        ("1.5h", "01:30:00"), ("36H", "1-12:00:00"), ("45 s", "00:00:45"), ("1h30m", "01:30:00"),
        # Slurm's own, and what nobody understands, is the server's to judge
        ("08:00:00", "08:00:00"), ("30", "30"), ("1-00", "1-00"), ("8 hodin", "8 hodin"), ("", ""), ("-1h", "-1h"),
    ],
)  # fmt: skip
def test_a_time_limit_is_read_as_people_write_it(words: str, time: str) -> None:
    assert slurm_time(words) == time


@pytest.mark.parametrize(
    ("words", "memory"),
    [
        ("64GB", "64G"), ("64 GiB", "64G"), ("64gb", "64G"), ("64G", "64G"), ("1.5T", "1536G"), ("0.5 GB", "512M"),
        ("64000", "64000"), ("1e400G", "1e400G"), ("much", "much"), ("1.5K", "1K"),
    ],
)  # fmt: skip
def test_memory_is_read_as_people_write_it(words: str, memory: str) -> None:
    assert slurm_memory(words) == memory


@given(st.text(max_size=60))
def test_no_text_breaks_a_reader(text: str) -> None:
    slurm_time(text)
    slurm_memory(text)


@given(st.integers(0, 999), st.sampled_from("dhms"))
def test_every_count_of_a_unit_is_the_time_that_slurm_reads(count: int, unit: str) -> None:
    seconds = count * {"d": 86_400, "h": 3_600, "m": 60, "s": 1}[unit]
    if seconds > 60:
        assert abs(parse_time_limit(slurm_time(f"{count}{unit}")) - seconds) <= 60
