import json
from pathlib import Path
from typing import get_args

import pytest

from tuning.errors import InvalidInput
from tuning.llamafactory.arguments.accepted import known_versions, load_schema, nearest, versions_with
from tuning.settings import ClusterSettings

FIXTURES = Path(__file__).parents[3] / "fixtures" / "llamafactory"
SCHEMA = load_schema("0.9.5")


def test_the_schema_is_what_the_real_parser_accepts() -> None:
    recorded = json.loads((FIXTURES / "lf095_train_args.json").read_text())
    assert len(SCHEMA.arguments) == 346
    assert SCHEMA.arguments.keys() == recorded.keys()
    for name, argument in SCHEMA.arguments.items():
        assert (None if argument.default == [] else argument.default) == recorded[name]["default"], name
        assert [f"{part}Arguments" for part in argument.classes] == recorded[name]["classes"], name
        if recorded[name]["choices"] and recorded[name]["choices"] != [False]:
            assert list(argument.choices) == recorded[name]["choices"], name


def test_every_default_is_of_a_type_that_its_argument_takes() -> None:
    words = {bool: "bool", int: "int", float: "float", str: "str", list: "list", dict: "dict", type(None): "null"}
    odd = {
        name
        for name, argument in SCHEMA.arguments.items()
        if words[type(argument.default)] not in argument.types
        and not (type(argument.default) is int and "float" in argument.types)
    }
    # llamafactory's own declarations are loose here: str with None, list with None
    assert odd <= {"optim", "output_dir"}


def test_all_template_names_are_there() -> None:
    recorded = (FIXTURES / "lf095_templates.txt").read_text().split()
    assert list(SCHEMA.templates) == recorded
    assert len(recorded) == 121


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("learning_rat", "learning_rate"),
        ("lora-rank", "lora_rank"),
        ("loraRank", "lora_rank"),
        ("lr_scheduler", "lr_scheduler_type"),
        ("gradient_accumulation", "gradient_accumulation_steps"),
        ("model_name", "model_name_or_path"),
        ("evaluation_strategy", "eval_strategy"),
        ("zzzzqqq", None),
        ("", None),
        ("：", None),
        ("x" * 10_000, None),
    ],
)
def test_an_unknown_name_finds_the_one_that_was_meant(written: str, meant: str | None) -> None:
    assert nearest(written, SCHEMA.arguments) == meant


def test_nearest_works_on_any_words() -> None:
    assert nearest("lama3", SCHEMA.templates) == "llama3"


def test_an_unknown_version_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match=r"'0\.1\.0' is not known") as caught:
        load_schema("0.1.0")
    assert caught.value.findings[0].hint == f"known versions: {', '.join(known_versions())}"


def test_it_is_known_which_versions_have_an_argument() -> None:
    assert versions_with("lora_rank") == known_versions()
    assert versions_with("lora_rnak") == ()


@pytest.mark.parametrize("version", ["../0.9.5", "", "0.9.5/../0.9.5"])
def test_a_version_is_no_path(version: str) -> None:
    with pytest.raises(InvalidInput):
        load_schema(version)


def test_the_settings_know_the_versions_that_there_are() -> None:
    offered = get_args(ClusterSettings.model_fields["llamafactory_version"].annotation)
    assert set(offered) == set(known_versions())


def test_arguments_come_with_llamafactorys_own_words() -> None:
    assert SCHEMA.arguments["lora_rank"].help == "The intrinsic dimension for LoRA fine-tuning."
    assert all(len(argument.help) <= 170 and "\n" not in argument.help for argument in SCHEMA.arguments.values())
    assert load_schema("0.9.4").arguments["lora_rank"].help == ""
