"""What each kind of job takes, and what it is made into."""

from typing import Any

import pytest

from tuning.llamafactory.arguments.accepted import known_versions, load_schema
from tuning.llamafactory.arguments.ownership import TAKEN_OVER
from tuning.llamafactory.arguments.paths import AllowedPlaces
from tuning.llamafactory.config.check import CheckedConfig, ConfigContext, check_config
from tuning.llamafactory.config.deepspeed import render
from tuning.llamafactory.config.final import OwnedArguments, final_config
from tuning.llamafactory.kinds import KINDS, Kind, SourceModel, kinds_with, meant_kind

PLACES = AllowedPlaces(roots=("/models",), models={"tiny-llama": "/opt/tiny/llama"})
MODEL: dict[str, Any] = {"model_name_or_path": "tiny-llama", "template": "llama3"}
OWNED = OwnedArguments("/jobs/j/output", "/jobs/j/1/data", ("ds_a",))
SOURCE = SourceModel("/opt/tiny/llama", "/jobs/s/output", "llama3", "lora")


def check(kind: Kind, source: SourceModel | None = None, has_uploads: bool = False, **config: Any) -> CheckedConfig:
    return check_config(config, ConfigContext(PLACES, has_uploaded_datasets=has_uploads, kind=kind, source=source))


@pytest.mark.parametrize("version", known_versions())
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_kind_sets_are_arguments_that_it_takes(kind: Kind, version: str) -> None:
    row, known = KINDS[kind], load_schema(version).taken_by(KINDS[kind].classes).keys()
    checked = check_config(MODEL, ConfigContext(PLACES, kind=kind, schema=load_schema(version)))
    assert row.fixed.keys() | checked.defaults.keys() <= known
    assert row.defaults.keys() - checked.defaults.keys() <= {"enable_jit_checkpoint"}  # newer than 0.9.4


@pytest.mark.parametrize("version", known_versions())
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_takes_what_its_command_parses(kind: Kind, version: str) -> None:
    assert KINDS[kind].classes == load_schema(version).commands[KINDS[kind].word]


def test_export_takes_no_training_arguments() -> None:
    assert list(kinds_with(("Training",))) == ["train", "predict"]
    [found] = check("export", **MODEL, learning_rate=1e-4).errors
    assert found.message == "learning_rate is an argument of kind train and predict only, not of export"


def test_an_export_is_its_folder_and_no_data() -> None:
    checked = check("export", **MODEL, adapter_name_or_path="/models/a", export_size=2, dataset="x", output_dir="y")
    assert checked.errors == ()
    assert [finding.loc[1] for finding in checked.warnings] == ["output_dir", "dataset"]
    assert final_config(checked, OwnedArguments("/jobs/j/output", "/jobs/j/1/data", ())) == {
        "model_name_or_path": "/opt/tiny/llama",
        "template": "llama3",
        "adapter_name_or_path": "/models/a",
        "export_size": 2,
        "export_dir": "/jobs/j/output",
    }


@pytest.mark.parametrize("name", sorted(TAKEN_OVER))
@pytest.mark.parametrize("kind", KINDS)
def test_what_packtrain_owns_is_taken_over_in_every_kind(kind: Kind, name: str) -> None:
    data: dict[str, Any] = {"dataset": "x"} if kind == "train" else {"eval_dataset": "x"} if kind == "predict" else {}
    owned: dict[str, Any] = {name: "saves/theirs"}
    checked = check(kind, **MODEL, adapter_name_or_path="/models/a", **data, **owned)
    assert checked.errors == ()
    assert [(finding.loc[1], finding.hint) for finding in checked.warnings] == [(name, "it can be left out")]
    final = final_config(checked, OWNED)
    assert final.get(name) != "saves/theirs"
    assert final.keys() <= load_schema().taken_by(KINDS[kind].classes).keys()


@pytest.mark.parametrize(
    "switch", ["do_train", "do_eval", "do_predict", "predict_with_generate", "resume_from_checkpoint"]
)
def test_no_switch_makes_an_export_something_else(switch: str) -> None:
    switched: dict[str, Any] = {switch: True}
    checked = check("export", **MODEL, adapter_name_or_path="/models/a", **switched)
    assert [finding.loc[1] for finding in checked.findings] == [switch]
    assert switch not in final_config(checked, OWNED)


def test_an_evaluation_alone_is_no_training_job() -> None:
    [found] = check("train", **MODEL, dataset="x", val_size=0.1, do_train=False, do_eval=True).errors
    assert found.loc == ("config", "do_train")
    assert "another kind" in (found.hint or "")
    assert check("predict", **MODEL, eval_dataset="x", do_eval=True).findings == ()


def test_an_operators_training_arguments_do_not_reach_an_export() -> None:
    context = ConfigContext(PLACES, kind="export", operator_arguments={"use_cpu": True, "trust_remote_code": True})
    final = final_config(check_config(MODEL, context), OWNED)
    assert "use_cpu" not in final
    assert final["trust_remote_code"] is True


def test_an_export_refuses_uploaded_data() -> None:
    assert [finding.loc for finding in check("export", has_uploads=True, **MODEL).errors] == [("datasets",)]


def test_predictions_are_made_on_named_and_uploaded_data() -> None:
    final = final_config(check("predict", has_uploads=True, **MODEL, dataset="identity"), OWNED)
    assert final["eval_dataset"] == "identity,ds_a"
    assert "dataset" not in final
    assert (final["do_train"], final["do_predict"], final["predict_with_generate"]) == (False, True, True)
    assert final["output_dir"] == "/jobs/j/output"


def test_a_training_configuration_predicts_with_a_warning() -> None:
    checked = check("predict", **MODEL, eval_dataset="x", do_train=True, learning_rate=1e-4)
    assert checked.errors == ()
    assert [finding.message for finding in checked.warnings] == ["do_train is false in kind predict"]


def test_a_training_job_that_does_not_train_is_refused() -> None:
    [found] = check("train", **MODEL, dataset="x", do_train=False).errors
    assert found.loc == ("config", "do_train")


@pytest.mark.parametrize("kind", ["predict", "train"])
def test_something_to_work_on_is_needed(kind: Kind) -> None:
    assert [finding.loc[1] for finding in check(kind, **MODEL).errors] == [KINDS[kind].data]


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_job_gives_the_model(kind: Kind) -> None:
    data: dict[str, Any] = {} if kind == "export" else {"dataset": "x"}
    checked = check(kind, SOURCE, **data)
    assert checked.findings == ()
    assert checked.config["template"] == "llama3"
    assert check_config(checked.config, ConfigContext(PLACES, kind=kind, source=SOURCE)).notes == ()
    owned = OwnedArguments("/o", "/d", (), model=SOURCE.model, adapter=SOURCE.adapter)
    final = final_config(checked, owned)
    assert (final["model_name_or_path"], final["adapter_name_or_path"]) == ("/opt/tiny/llama", "/jobs/s/output")


def test_a_second_adapter_beside_the_source_jobs_is_refused() -> None:
    [found] = check("export", SOURCE, adapter_name_or_path="/models/a").errors
    assert found.loc == ("config", "adapter_name_or_path")
    assert "source job" in found.message


def test_another_model_than_the_source_jobs_is_told() -> None:
    assert check("export", SOURCE, **MODEL).findings == ()
    [found] = check("export", SOURCE, model_name_or_path="/models/other").findings
    assert (found.loc, found.severity) == (("config", "model_name_or_path"), "warning")


def test_a_deepspeed_preset_needs_no_file_of_the_user() -> None:
    checked = check("train", **MODEL, dataset="x", deepspeed="examples/deepspeed/ds_z3_config.json")
    assert checked.errors == ()
    assert checked.deepspeed == "zero3"
    written = OwnedArguments("/o", "/d", (), deepspeed_path="/jobs/j/1/deepspeed.json")
    assert final_config(checked, written)["deepspeed"] == "/jobs/j/1/deepspeed.json"
    assert final_config(checked, OWNED)["deepspeed"] == render("zero3")


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"model_name_or_path": "m", "adapter_name_or_path": "a", "export_dir": "out"}, "export"),
        ({"export_dir": "out", "dataset": "identity"}, None),
        ({"do_predict": True, "eval_dataset": "identity"}, "predict"),
        ({"do_predict": "true", "do_train": False}, "predict"),
        ({"do_eval": True, "do_train": False}, "predict"),
        ({"do_eval": True}, None),
        ({"do_predict": True, "do_train": True}, None),
        ({"do_train": [1], "do_predict": None}, None),
        ({}, None),
    ],
)
def test_a_configuration_that_is_plainly_of_a_kind_means_it(config: dict[str, Any], kind: str | None) -> None:
    assert meant_kind(config) == kind
