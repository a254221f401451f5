import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.progress.pace import MAX_STRETCHES, Stretch, extend, measure


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
    assert pace.seconds_per_step < 3.1, "the mean of all is 2.9"


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


def test_a_pace_that_comes_and_goes_is_expected_to_do_so_again() -> None:
    turns = [pace for nth in range(6) for pace in noisy(3.0 if nth % 2 else 2.0, 6, nth)]
    pace = measure(stretches(*turns))
    assert pace is not None
    assert pace.seconds_per_step == pytest.approx(2.5, rel=0.05)


def test_where_slow_stretches_follow_slow_ones_the_mean_is_less_sure() -> None:
    draw = random.Random(7)  # noqa: S311 - a simulation
    off, wandering = 0.0, []
    for _ in range(40):
        off = 0.9 * off + draw.gauss(0, 0.02)
        wandering.append(2 * (1 + off))
    shuffled = draw.sample(wandering, len(wandering))
    one, other = measure(stretches(*wandering)), measure(stretches(*shuffled))
    assert one is not None
    assert other is not None
    assert one.deviation > 1.5 * other.deviation


def test_more_steps_are_relatively_surer_where_chance_rules() -> None:
    pace = measure(stretches(*noisy(2.0, 30, seed=1)))
    assert pace is not None
    (few, few_off), (many, many_off) = pace.ahead(10), pace.ahead(1000)
    assert few == pytest.approx(20, rel=0.02)
    assert few_off / few > many_off / many


def test_a_stretch_that_has_begun_is_not_the_end_of_the_warm_up() -> None:
    pace = measure((*stretches(4.0, 2.0), Stretch(10, 0.0, 1000)))
    assert pace is not None
    assert pace.seconds_per_step > 0.5


any_stretches = st.lists(
    st.builds(Stretch, st.integers(1, 10_000), st.integers(0, 10_000).map(float), st.integers(0, 10**9)), min_size=1
)


@given(any_stretches)
def test_whatever_the_stretches_the_pace_is_a_number_above_zero(new: list[Stretch]) -> None:
    kept: tuple[Stretch, ...] = ()
    for stretch in new:
        kept = extend(kept, stretch)
    pace = measure(kept)
    assert pace is not None
    seconds, deviation = pace.ahead(1000)
    assert 0 < pace.seconds_per_step < math.inf
    assert 0 < seconds < math.inf
    assert 0 < deviation < math.inf


def test_a_pace_that_has_outlasted_slower_and_faster_turns_is_the_present_one() -> None:
    pace = measure(stretches(*noisy(2.0, 6, 1), *noisy(4.0, 4, 2), *noisy(2.0, 4, 3), *noisy(3.0, 20, 4)))
    assert pace is not None
    assert pace.seconds_per_step == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize("paces", [(2.0, 3.0), (2.0, 2.5, 3.0)])
def test_two_or_three_stretches_that_get_slower_are_no_warm_up(paces: tuple[float, ...]) -> None:
    pace = measure(stretches(*paces))
    assert pace is not None
    assert pace.seconds_per_step == pytest.approx(sum(paces) / len(paces))


def test_three_stretches_that_fall_by_chance_are_no_warm_up() -> None:
    pace = measure(stretches(2.0, 2.4, 2.2, 1.9))
    assert pace is not None
    assert pace.seconds_per_step >= 1.9


def test_bounds_are_as_wide_as_the_pace_has_wandered() -> None:
    steady, wandering = measure(stretches(*[2.0] * 20)), measure(stretches(*[2.0, 2.0, 2.0, 2.0, 2.15] * 4))
    drifting = measure(stretches(*[2 + 0.1 * (nth // 5 % 2) for nth in range(20)]))
    assert steady is not None
    assert wandering is not None
    assert drifting is not None
    widths = [pace.ahead(10_000)[1] for pace in (steady, wandering, drifting)]
    assert widths == sorted(widths)
    assert widths[2] > 1.3 * widths[1]


def test_tokens_are_those_of_the_stretches_that_count_them() -> None:
    pace = measure((*stretches(2.0, 2.0), Stretch(10, 20.0, 0)))
    assert pace is not None
    assert pace.tokens_per_second == pytest.approx(50)
