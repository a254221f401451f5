from pathlib import Path

import pytest

from packtrain.cli.request.job_request import JobOptions, job_fields, local_files
from packtrain.errors import InvalidInput

YAML = "# what we always do\nmodel_name_or_path: tiny-llama\nlearning_rate: 1.0e-4\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(YAML, encoding="utf-8")
    return path


def _refusal(options: JobOptions) -> str:
    with pytest.raises(InvalidInput) as caught:
        job_fields(options)
    finding = caught.value.findings[0]
    return ".".join(map(str, finding.loc)) + ": " + finding.message


def test_a_file_alone_goes_as_it_stands(config: Path) -> None:
    fields = job_fields(JobOptions(config_file=config))
    assert fields["config_yaml"] == YAML
    assert "config" not in fields


def test_a_file_with_something_laid_over_it_goes_as_an_object(config: Path) -> None:
    fields = job_fields(
        JobOptions(config_file=config, model="tiny-qwen2", settings=("learning_rate=1e-5", "lora_target=q,v"))
    )
    assert fields["config"] == {"model_name_or_path": "tiny-qwen2", "learning_rate": "1e-5", "lora_target": "q,v"}
    assert "config_yaml" not in fields


def test_flags_alone_are_a_run(tmp_path: Path) -> None:
    fields = job_fields(
        JobOptions(model="tiny-llama", settings=("do_train=true", "lora_rank=8", "note='no'", "stage="))
    )
    assert fields["config"] == {
        "model_name_or_path": "tiny-llama",
        "do_train": True,
        "lora_rank": 8,
        "note": "no",
        "stage": None,
    }


def test_values_may_hold_equals_signs() -> None:
    assert job_fields(JobOptions(settings=("run_name=a=b",)))["config"] == {"run_name": "a=b"}


def test_everything_else_goes_to_its_place() -> None:
    options = JobOptions(
        model="m", data=("ds_1", "b.json", "ds_2"), resources=(("gpus_per_node", 2), ("qos", None), ("nodes", 1)),
        name="日本語", tags=("team=mt", "k="), priority=5, held=True,
    )  # fmt: skip
    fields = job_fields(options, uploaded=["ds_new"])
    assert fields["datasets"] == ["ds_1", "ds_new", "ds_2"]
    assert fields["resources"] == {"gpus_per_node": 2, "nodes": 1}
    assert fields["tags"] == {"team": "mt", "k": ""}
    assert (fields["name"], fields["priority"], fields["held"]) == ("日本語", 5, True)


def test_a_name_is_left_to_the_server_unless_given() -> None:
    assert "name" not in job_fields(JobOptions(model="m"))


@pytest.mark.parametrize("word", ["learning_rate", "=1", ""])
def test_a_setting_without_its_form_is_refused(word: str) -> None:
    assert _refusal(JobOptions(settings=(word,))) == f"--set: `{word}` is no key=value"


def test_yaml_that_does_not_parse_is_refused_with_file_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("a: 1\nb: [1, 2\nc: 3\n", encoding="utf-8")
    assert _refusal(JobOptions(config_file=path, model="m")).startswith(f"{path}.3.2: line 3, column 2")


def test_a_value_that_is_no_yaml_is_refused_with_its_key() -> None:
    assert _refusal(JobOptions(settings=("lora_target=[q,v",))).startswith("--set.lora_target")


def test_a_value_cannot_bring_further_keys() -> None:
    assert _refusal(JobOptions(settings=("a=1\nb: 2",))) == "--set.a: must be one value"


def test_a_file_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: 1\nb: caf\xe9\n")
    assert _refusal(JobOptions(config_file=path)) == f"{path}.2: is not UTF-8 text"


def test_local_files_are_told_from_ids(tmp_path: Path) -> None:
    here = tmp_path / "ds_local.json"
    here.write_text("[]", encoding="utf-8")
    assert local_files(["ds_1", str(here)]) == [here]


def test_a_missing_data_file_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"there is no file missing\.json"):
        local_files(["missing.json"])


def test_variables_and_options_of_sbatch_are_pairs() -> None:
    options = JobOptions(
        settings=("a=1",),
        resources=(("nodes", 2),),
        environment=("WANDB_PROJECT=mt", "WANDB_NOTES=a=b"),
        sbatch=("reservation=course", "--exclusive"),
    )
    fields = job_fields(options)
    assert fields["environment"] == {"WANDB_PROJECT": "mt", "WANDB_NOTES": "a=b"}
    assert fields["resources"] == {"nodes": 2, "options": {"reservation": "course", "exclusive": True}}


def test_a_variable_without_a_value_is_told() -> None:
    with pytest.raises(InvalidInput, match="no key=value"):
        job_fields(JobOptions(environment=("WANDB_PROJECT",)))
