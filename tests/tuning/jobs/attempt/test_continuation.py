"""What follows an attempt that was cut off."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.jobs.attempt.continuation import (
    FIRST_WARNING_SECONDS,
    EndedAttempt,
    is_near_limit,
    next_attempt,
    warning_seconds,
)
from tuning.llamafactory.progress.eta_state import EtaState
from tuning.llamafactory.progress.pace import Stretch

ALL: dict[str, Any] = {"max_attempts": 3, "on": ["timeout", "preempted", "node_fail"]}
CUT = EndedAttempt(
    number=1,
    slurm="timeout",
    exit_code=143,
    was_stopped=False,
    was_asked_by_us=False,
    resumed_step=0,
    newest_step=100,
)
STOPPED = replace(CUT, slurm="completed", exit_code=0, was_stopped=True)


@pytest.mark.parametrize(
    ("slurm", "cause"),
    [("timeout", "timeout"), ("preempted", "preempted"), ("node_fail", "node_fail"), ("boot_fail", "node_fail")],
)
def test_what_slurm_cut_off_goes_on(slurm: str, cause: str) -> None:
    found = next_attempt(replace(CUT, slurm=slurm), ALL)
    assert found
    assert (found.cause, found.refusal) == (cause, None)
    assert "from checkpoint 100" in found.reason(CUT)


def test_submissions_that_slurm_never_had_use_up_no_attempts() -> None:
    for number, count, is_refused in ((5, 2, False), (5, 3, True), (3, None, True)):
        found = next_attempt(replace(CUT, number=number, count=count), ALL)
        assert found
        assert (found.refusal is not None) is is_refused
        assert found.refusal is None or "attempt 3 of 3" in found.refusal


@pytest.mark.parametrize("slurm", ["completed", "failed", "out_of_memory", "cancelled", "lost", "deadline", None])
def test_an_end_of_its_own_is_an_end(slurm: str | None) -> None:
    assert next_attempt(replace(CUT, slurm=slurm, exit_code=1), ALL) is None


def test_a_run_that_saved_goes_on_whatever_slurm_calls_its_end() -> None:
    found = next_attempt(STOPPED, ALL)
    assert found
    assert (found.cause, found.refusal) == ("timeout", None)


@pytest.mark.parametrize(("continuation", "goes_on"), [(ALL, True), (None, False)])
def test_a_signal_long_before_the_limit_is_not_the_limit(continuation: Mapping[str, Any] | None, goes_on: bool) -> None:
    found = next_attempt(replace(STOPPED, was_near_limit=False), continuation)
    assert found
    assert (found.cause, found.refusal is None) == ("interrupted", goes_on)
    assert "asked to stop by a signal" in (found.refusal or found.reason(STOPPED))
    assert found.refusal is None or "continuation" in str(found.hint)


@given(ran=st.floats(allow_nan=True, allow_infinity=True), limit=st.integers(0, 10**9), warning=st.integers(0, 10**6))
def test_only_a_sane_time_well_before_the_warning_is_far_from_the_limit(ran: float, limit: int, warning: int) -> None:
    assert is_near_limit(ran, limit, warning) != (0 <= ran < limit - warning - 120)


def test_a_run_that_failed_while_it_was_to_save_has_failed() -> None:
    assert next_attempt(replace(STOPPED, exit_code=1), ALL) is None


def test_without_a_word_only_the_time_limit_is_final() -> None:
    for slurm, goes_on in (("timeout", False), ("preempted", True), ("node_fail", True)):
        found = next_attempt(replace(CUT, slurm=slurm), None)
        assert found
        assert (found.refusal is None) is goes_on
    timeout = next_attempt(CUT, None)
    assert timeout
    assert "continuation" in str(timeout.hint)


def test_it_stops_after_its_last_attempt() -> None:
    found = [next_attempt(replace(CUT, number=number, newest_step=100 * number), ALL) for number in (2, 3)]
    assert [one.refusal is None for one in found if one] == [True, False]


def test_a_time_limit_without_a_new_checkpoint_would_go_on_for_ever() -> None:
    for newest, goes_on in ((99, False), (100, False), (101, True), (None, True)):
        found = next_attempt(replace(CUT, number=2, resumed_step=100, newest_step=newest), ALL)
        assert found
        assert (found.refusal is None) is goes_on, newest


def test_what_lost_its_node_before_its_first_line_is_tried_again() -> None:
    early = replace(CUT, slurm="node_fail", exit_code=None, newest_step=None)
    found = next_attempt(early, ALL)
    assert found
    assert (found.refusal, "from the start" in found.reason(early)) == (None, True)


def test_a_job_that_was_let_go_meanwhile_goes_on_after_its_last_attempt() -> None:
    found = next_attempt(replace(STOPPED, was_asked_by_us=True, number=9), None)
    assert found
    assert (found.cause, found.refusal) == ("released", None)


def test_a_pending_job_that_was_let_go_meanwhile_is_not_cancelled() -> None:
    never_ran = replace(CUT, slurm="cancelled", exit_code=None, newest_step=None, was_asked_by_us=True)
    found = next_attempt(never_ran, None)
    assert found
    assert (found.cause, found.refusal) == ("released", None)
    assert next_attempt(replace(never_ran, was_asked_by_us=False), None) is None


def test_what_stood_still_goes_on_if_it_had_saved_something_new() -> None:
    for newest, goes_on in ((100, True), (0, False), (None, True)):
        ended = replace(CUT, slurm="cancelled", had_stalled=True, newest_step=newest)
        found = next_attempt(ended, None)
        assert found
        assert (found.cause, found.refusal is None) == ("stalled", goes_on)


def test_a_save_that_takes_long_is_warned_of_earlier() -> None:
    learned = EtaState(saves=(20.0, 100.0), stretches=(Stretch(10, 50.0, 0),))
    assert warning_seconds(36_000, None) == warning_seconds(36_000, EtaState()) == FIRST_WARNING_SECONDS
    assert warning_seconds(36_000, learned) == 30 + 3 * 100 + 2 * 5
    assert warning_seconds(36_000, replace(learned, saves=(0.1,))) == 60


def test_before_its_first_save_other_jobs_only_lengthen_the_warning() -> None:
    unsaved = EtaState(stretches=(Stretch(10, 50.0, 0),))
    assert warning_seconds(36_000, None, 1.0) == FIRST_WARNING_SECONDS
    assert warning_seconds(36_000, None, 100.0) == 30 + 3 * 100
    assert warning_seconds(36_000, unsaved, 100.0) == 30 + 3 * 100 + 2 * 5
    assert warning_seconds(36_000, replace(unsaved, saves=(20.0,)), 100.0) == 30 + 3 * 20 + 2 * 5


@given(
    limit=st.integers(min_value=1, max_value=10**8),
    save=st.floats(min_value=0, max_value=1e6),
    elsewhere=st.none() | st.floats(min_value=0, max_value=1e6),
)
def test_the_warning_takes_a_quarter_of_the_time_at_most(limit: int, save: float, elsewhere: float | None) -> None:
    for learned in (None, EtaState(), EtaState(saves=(save,))):
        seconds = warning_seconds(limit, learned, elsewhere)
        assert 1 <= seconds <= max(1, round(limit / 4))
        assert seconds >= warning_seconds(limit, learned, None)


FAULTY = replace(CUT, slurm="failed", exit_code=1, has_node_fault=True, node="n1")


def test_a_run_that_its_nodes_hardware_ended_goes_on_a_few_times() -> None:
    found = next_attempt(FAULTY, None)
    assert found
    assert (found.cause, found.refusal) == ("node_fault", None)
    assert found.reason(FAULTY) == "attempt 1: the hardware of its node failed (n1); it goes on from checkpoint 100"
    assert next_attempt(replace(FAULTY, earlier_node_faults=2), None)
    assert next_attempt(replace(FAULTY, earlier_node_faults=3), None) is None


def test_nor_does_it_where_its_owner_wants_no_attempt_after_a_failed_node() -> None:
    assert next_attempt(FAULTY, {"max_attempts": 3, "on": ["timeout"]}) is None


def test_its_attempts_are_counted_with_all_others() -> None:
    found = next_attempt(replace(FAULTY, number=3), ALL)
    assert found
    assert found.refusal == "the hardware of its node failed, and it was attempt 3 of 3"
