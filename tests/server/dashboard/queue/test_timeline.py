"""GPUs over time by person."""

from hypothesis import given
from hypothesis import strategies as st

from server.dashboard.queue.timeline import HEIGHT, LONGEST_SECONDS, MOST_PEOPLE, WIDTH, HeldGpus, timeline

NOW = 1_000_000.0
people = st.sampled_from(["", *(f"person {number}" for number in range(12))])
runs = st.builds(HeldGpus, people, st.integers(0, 64), st.floats(NOW - 1e6, NOW + 1e7))


def test_nothing_held_has_no_picture() -> None:
    assert timeline([], 8, NOW) is None
    assert timeline([HeldGpus("ada", 0, NOW + 60)], 8, NOW) is None


def test_those_with_most_come_first_and_others_last() -> None:
    line = timeline([HeldGpus("", 9, NOW + 60), HeldGpus("ada", 1, NOW + 60), HeldGpus("bob", 4, NOW + 90)], 16, NOW)
    assert line is not None
    assert [(band.person, band.gpus) for band in line.bands] == [("bob", 4), ("ada", 1), ("", 9)]


def test_it_is_told_when_the_next_gpu_of_a_person_comes_free() -> None:
    line = timeline([HeldGpus("ada", 1, NOW + 500), HeldGpus("ada", 2, NOW + 200)], 8, NOW)
    assert line is not None
    assert line.bands[0].next_free_at == NOW + 200


def test_a_band_goes_down_where_a_run_ends() -> None:
    line = timeline([HeldGpus("ada", 4, NOW + 450), HeldGpus("ada", 4, NOW + 900)], 8, NOW)
    assert line is not None
    assert line.bands[0].points.startswith("0.0,0.0 500.0,0.0 500.0,60.0 1000.0,60.0")


@given(st.lists(runs, max_size=30), st.integers(0, 100))
def test_every_picture_stays_within_its_frame(held: list[HeldGpus], gpus: int) -> None:
    line = timeline(held, gpus, NOW)
    if line is None:
        return
    assert 0 < line.ends_at - line.begins_at <= LONGEST_SECONDS
    assert len(line.bands) <= MOST_PEOPLE + 1
    for band in line.bands:
        for point in band.points.split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= WIDTH
            assert -0.05 <= y <= HEIGHT
    assert all(0 < tick.x < WIDTH for tick in line.ticks)
