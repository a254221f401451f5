"""A tracker without its key is warned of, and with it never."""

import pytest

from tuning.llamafactory.tracker_keys import TRACKER_KEYS, missing_keys


def _named(report_to: object, *known: str, is_wandb_offline: bool = False) -> list[str]:
    found = missing_keys({"report_to": report_to}, known, is_wandb_offline=is_wandb_offline)
    return [finding.message.partition(" ")[0] for finding in found if finding.severity == "warning"]


@pytest.mark.parametrize("tracker", TRACKER_KEYS)
def test_a_tracker_wants_its_key(tracker: str) -> None:
    assert _named([tracker, "tensorboard"]) == [tracker]
    assert _named(tracker) == [tracker]
    assert _named([tracker], TRACKER_KEYS[tracker]) == []


def test_wandb_needs_no_key_offline() -> None:
    assert _named(["swanlab", "wandb"], is_wandb_offline=True) == ["swanlab"]


@pytest.mark.parametrize("report_to", [None, "none", "tensorboard", []])
def test_others_need_none(report_to: object) -> None:
    assert _named(report_to) == []
