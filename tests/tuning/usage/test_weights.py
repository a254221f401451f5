"""Weights of the order: those of the environment, else the defaults."""

import pytest

from tuning.errors import InvalidInput
from tuning.queue.order import Weights
from tuning.queue_settings import QueueSettings
from tuning.settings import load_settings
from tuning.usage.weights import weights_of


def test_every_weight_has_a_setting() -> None:
    names = {name.removeprefix("queue_") for name in QueueSettings.model_fields}
    assert names == set(Weights.__dataclass_fields__)


def test_what_is_not_given_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKTRAIN_QUEUE_HALF_LIFE_SECONDS", "0")
    assert weights_of(load_settings()) == Weights(half_life_seconds=0)


@pytest.mark.parametrize(
    ("name", "value"), [("HALF_LIFE_SECONDS", "-1"), ("PERSON_SHARE", "1.5"), ("PASSING_SLOWDOWN", "nan")]
)
def test_a_weight_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PACKTRAIN_QUEUE_{name}", value)
    with pytest.raises(InvalidInput, match=f"PACKTRAIN_QUEUE_{name}"):
        load_settings()
