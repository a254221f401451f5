import pytest

from tuning.llamafactory.arguments.accepted import known_versions, load_schema
from tuning.llamafactory.arguments.foreign_names import RENAMED, meant_by
from tuning.llamafactory.config.references import unknown_argument
from tuning.llamafactory.kinds import KINDS


@pytest.mark.parametrize("version", known_versions())
def test_names_of_others_stand_for_names_that_there_are(version: str) -> None:
    arguments = load_schema(version).arguments
    assert set(RENAMED.values()) <= set(arguments)
    assert [name for name in arguments if meant_by(name) is not None] == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("target_modules", "it is called lora_target here"),
        ("r", "it is called lora_rank here"),
        ("load_in_4bit", "write quantization_bit: 4"),
        ("nproc_per_node", "it is the launcher's: say resources.gpus_per_node (--gpus)"),
        ("learning_rat", "did you mean learning_rate?"),
        ("evaluation_strategy", "it is called eval_strategy now"),
    ],
)
def test_an_unknown_name_is_told_with_what_is_meant(name: str, hint: str) -> None:
    assert unknown_argument(name, load_schema(), KINDS["train"], explain=True).hint == hint


def test_a_name_that_nobody_has_means_nothing() -> None:
    assert meant_by("lora_rnak") is None
