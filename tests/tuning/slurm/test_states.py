"""Slurm's states."""

import pytest

from tuning.slurm.states import MEANINGS, Phase, meaning_of


@pytest.mark.parametrize(
    ("said", "word"),
    [("CANCELLED by 1000", "cancelled"), ("COMPLETED+", "completed"), ("TIMEOUT", "timeout"), ("RUNNING", None)],
)
def test_the_first_word_counts(said: str, word: str | None) -> None:
    meaning = meaning_of(said)
    assert meaning
    assert meaning.word == word


@pytest.mark.parametrize("said", ["", " ", "NEW_STATE_OF_2030", "running"])
def test_an_unknown_state_has_no_meaning(said: str) -> None:
    assert meaning_of(said) is None


def test_completing_has_not_ended_and_every_end_has_a_word() -> None:
    assert MEANINGS["COMPLETING"].phase is Phase.RUNNING
    assert all((row.word is not None) == (row.phase is Phase.ENDED) for row in MEANINGS.values())
