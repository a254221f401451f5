"""Every row of the table: a run that breaks it, and what is said then.

tests/e2e/llamafactory/test_check.py asks the real parser.
"""

from typing import Any

import pytest

from tests.tuning.llamafactory.rule_cases import (
    CASES,
    SOUND,
)
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.llamafactory.kinds import KINDS, Kind
from tuning.llamafactory.rules import RULES, Run, check_rules

SCHEMA = load_schema("0.9.5")
DATA = {"train": {"dataset": "a"}, "predict": {"eval_dataset": "a"}, "export": {}}


def run(kind: Kind = "train", /, **arguments: Any) -> Run:
    row = KINDS[kind]
    beside = ("processes", "entries", "is_counted", "has_untrained_history")
    about = {name: arguments.pop(name) for name in beside if name in arguments}
    sound = {**SCHEMA.defaults, "template": "llama3", **row.defaults, **row.fixed, **DATA[kind], **arguments}
    templates = {name: getattr(SCHEMA, name) for name in ("templates_ending_once", "templates_with_media")}
    return Run(sound, **templates, **about)


def broken(kind: Kind = "train", /, **arguments: Any) -> list[str]:
    """The arguments that findings point at, with a question mark behind those of mere warnings."""
    found = check_rules(run(kind, **arguments), RULES, kind)
    return [f"{finding.loc[1]}{'?' if finding.severity == 'warning' else ''}" for finding in found]


@pytest.mark.parametrize("kind", ["train", "predict"])
def test_the_defaults_break_no_rule(kind: Kind) -> None:
    assert broken(kind) == []


def test_a_merge_breaks_no_rule() -> None:
    assert broken("export", adapter_name_or_path="/a") == []


@pytest.mark.parametrize(("kind", "arguments", "found"), CASES)
def test_each_row_sees_what_it_is_for(kind: Kind, arguments: dict[str, Any], found: str) -> None:
    assert sorted(broken(kind, **arguments)) == sorted(found.split())


def test_every_row_is_seen_by_a_case() -> None:
    seen = {
        rule
        for kind, arguments, _ in CASES
        for rule in RULES
        if kind in rule.kinds and rule.broken(run(kind, **arguments))
    }
    assert [rule.message for rule in RULES if rule not in seen] == []


def test_every_row_points_at_an_argument_and_says_what_to_do() -> None:
    for rule in RULES:
        assert rule.about in SCHEMA.arguments
        assert rule.message
        assert rule.hint
        assert rule.reference
        for kind in rule.kinds:
            assert not KINDS[kind].classes.isdisjoint(SCHEMA.arguments[rule.about].classes), (rule, kind)


@pytest.mark.parametrize("arguments", SOUND)
def test_sound_combinations_pass(arguments: dict[str, Any]) -> None:
    assert broken(**arguments) == []


def test_predictions_are_made_with_stage_sft() -> None:
    assert broken("predict", stage="dpo") == ["predict_with_generate"]
