"""Ends that others met on machines with GPUs are told as what they were, by the line that shows it."""

import re
from dataclasses import replace

import pytest

from tests.fixtures.failures.ends import ReportedEnd, harmless, kinds, reported
from tuning.llamafactory.causes import CAUSES, pattern
from tuning.llamafactory.outcome.failure import End, Failure, explain
from tuning.llamafactory.outcome.traceback_text import EVIDENCE_LINES, MAX_LINE_CHARACTERS

REPORTED = tuple(reported())
KINDS = tuple(kinds())


def explained(end: ReportedEnd) -> Failure:
    return explain(End(end.exit_code, end.word, end.stderr, missing=("weights",)))


@pytest.mark.parametrize("end", REPORTED, ids=lambda end: end.name)
def test_a_reported_end_is_told_as_what_it_was(end: ReportedEnd) -> None:
    assert_right(end)


@pytest.mark.parametrize("end", KINDS, ids=lambda end: end.name)
def test_each_kind_is_told_as_what_it_is(end: ReportedEnd) -> None:
    assert_right(end)


def test_what_sound_runs_print_hides_no_cause() -> None:
    without_traceback = [end for end in KINDS if "Traceback" not in end.stderr]
    ends = [replace(end, stderr=harmless() + end.stderr) for end in (*REPORTED, *without_traceback)]
    assert not [end.name for end in ends if explained(end).code != end.code]


def assert_right(end: ReportedEnd) -> None:
    failure = explained(end)
    assert failure.code == end.code, failure
    assert any(end.shown.lower() in line.lower() for line in failure.evidence), failure.evidence
    assert len(failure.evidence) <= EVIDENCE_LINES
    assert all(len(line) <= MAX_LINE_CHARACTERS for line in failure.evidence)


def test_only_what_srun_says_is_told_in_its_words_alone() -> None:
    told = [explained(end).message for end in (*REPORTED, *KINDS) if not re.match("(launch|node)_f", end.code)]
    assert not [message for message in told if "srun: error" in message]


def test_every_sign_can_be_looked_for() -> None:
    looked_for = [row for row in CAUSES if row.place not in ("end", "exit_code")]
    assert all(pattern(sign) for row in looked_for for sign in (row.sign, row.within, row.unless, row.also) if sign)
