import random

import pytest

from tuning.llamafactory.pace import MAX_STRETCHES, Stretch, extend, measure


def stretches(*paces: float, steps: int = 10) -> tuple[Stretch, ...]:
    return tuple(Stretch(steps, steps * pace, steps * 100) for pace in paces)


def noisy(pace: float, count: int, seed: int) -> tuple[float, ...]:
    draw = random.Random(seed)  # noqa: S311 - a simulation
    return tuple(pace * draw.uniform(0.95, 1.05) for _ in range(count))


def test_nothing_is_known_of_nothing() -> None:
    assert measure(()) is None


def test_a_steady_pace_is_its_mean_over_all() -> None:
    pace = measure(stretches(*noisy(2.0, 30, seed=1)))
    assert pace is not None
    assert pace.seconds_per_step == pytest.approx(2.0, rel=0.01)
    assert pace.stretches == 30
    assert pace.tokens_per_second == pytest.approx(50, rel=0.01)


def test_a_slow_beginning_is_forgotten() -> None:
    pace = measure(stretches(30.0, 9.0, 4.0, *noisy(2.0, 12, seed=2)))
    assert pace is not None
    assert pace.seconds_per_step == pytest.approx(2.0, rel=0.03)


def test_a_beginning_that_still_gets_faster_is_followed_to_its_limit() -> None:
    pace = measure(stretches(*(2 + 8 * 0.5**n for n in range(1, 5))))  # 6, 4, 3, 2.5: towards 2
    assert pace is not None
    assert pace.seconds_per_step == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("seed", range(10))
def test_a_slow_down_is_followed_after_three_stretches(seed: int) -> None:
    pace = measure(stretches(*noisy(2.0, 20, seed), *noisy(3.5, 3, seed + 100)))
    assert pace is not None
    assert pace.seconds_per_step == pytest.approx(3.5, rel=0.05)


@pytest.mark.parametrize("at", [0, 5, 10, 17, 19])
def test_one_slow_stretch_is_no_slow_down(at: int) -> None:
    paces = list(noisy(2.0, 20, seed=3))
    paces[at] = 20.0
    pace = measure(stretches(*paces))
    assert pace is not None
    assert pace.seconds_per_step < 3.0


@pytest.mark.parametrize("seed", range(20))
def test_noise_alone_is_no_change(seed: int) -> None:
    pace = measure(stretches(*noisy(2.0, 48, seed)))
    assert pace is not None
    assert pace.seconds_per_step == pytest.approx(2.0, rel=0.03)


def test_a_long_run_is_kept_in_few_stretches_with_nothing_lost() -> None:
    kept: tuple[Stretch, ...] = ()
    for _ in range(10_000):
        kept = extend(kept, Stretch(10, 12.0, 50))
    assert len(kept) <= MAX_STRETCHES
    assert sum(stretch.steps for stretch in kept) == 100_000
    assert sum(stretch.seconds for stretch in kept) == pytest.approx(120_000)
    longest = max(stretch.seconds for stretch in kept[:-1])
    assert longest <= 5 * min(stretch.seconds for stretch in kept[:-1])


def test_stretches_shorter_than_the_clock_can_tell_are_joined() -> None:
    kept: tuple[Stretch, ...] = ()
    for seconds in (0, 1, 0, 0, 1, 0) * 10:
        kept = extend(kept, Stretch(10, float(seconds), 0))
    assert all(stretch.seconds >= 5 for stretch in kept[:-1])
    pace = measure(kept)
    assert pace is not None
    assert pace.seconds_per_step == pytest.approx(1 / 30, rel=0.1)
