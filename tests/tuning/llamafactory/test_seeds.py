"""The configurations of the documents that the project was made from."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.tuning.llamafactory.seed_configs import EXPORT_OF_003, METHODS_OF_003, SEED_002, SEED_003, SEED_004
from tuning.llamafactory.arguments.paths import AllowedPlaces
from tuning.llamafactory.config.check import CheckedConfig, ConfigContext, check_config
from tuning.llamafactory.config.deepspeed import PRESETS
from tuning.llamafactory.config.final import OwnedArguments, final_config
from tuning.llamafactory.config.yaml_text import parse_yaml
from tuning.llamafactory.kinds import Kind

SEEDS = Path(__file__).parents[2] / "fixtures" / "seeds"
MODEL = "meta-llama/Meta-Llama-3-8B-Instruct"
PLACES = AllowedPlaces(models={MODEL: "/models/llama3-8b", "tiny-llama": "/models/tiny-llama"})
CONTEXT = ConfigContext(places=PLACES, known_datasets=frozenset({"identity", "alpaca_en_demo", "wmt2020da-en-ja"}))
TEXT = (SEEDS / "001-llama3_lora_sft.yaml").read_text(encoding="utf-8")
TAKEN_OVER = ["output_dir", "overwrite_output_dir"]


def with_changes_of_seed_000(text: str) -> str:
    """Seed 000's diff, applied by what its lines say: its line numbers are those of another version of the file."""
    lines = (SEEDS / "000-llama3_lora_sft_wmt.diff").read_text(encoding="utf-8").splitlines()
    changed = text
    for old, new in zip(lines, lines[2:], strict=False):
        if old.startswith("< ") and new.startswith("> "):
            [found] = [line for line in changed.splitlines() if line.split(" #")[0] == old[2:]]
            changed = changed.replace(found, new[2:])
    added = lines[lines.index("39a40,43") + 1 :]
    return changed + "\n".join(line[2:] for line in added) + "\n"


@pytest.mark.parametrize("model", [MODEL, "tiny-llama"])
def test_seed_001_passes_as_printed_with_a_model_of_the_catalogue(model: str) -> None:
    checked = check_config(parse_yaml(TEXT.replace(MODEL, model)), CONTEXT)
    assert checked.errors == ()
    assert [finding.loc[1] for finding in checked.warnings] == TAKEN_OVER
    assert checked.notes == (f"model_name_or_path: {model} is {PLACES.models[model]}",)


def test_seed_001_is_run_as_it_says() -> None:
    checked = check_config(parse_yaml(TEXT), CONTEXT)
    final = final_config(checked, OwnedArguments("/jobs/1/output", "/jobs/1/1/data", ()))
    said = {name: value for name, value in parse_yaml(TEXT).items() if name not in (*TAKEN_OVER, "model_name_or_path")}
    assert said.items() <= final.items()
    assert final["model_name_or_path"] == "/models/llama3-8b"
    assert final["overwrite_output_dir"] is False


def test_seed_000_passes() -> None:
    text = with_changes_of_seed_000(TEXT)
    checked = check_config(parse_yaml(text), CONTEXT)
    assert checked.errors == ()
    assert [finding.loc[1] for finding in checked.warnings] == list(TAKEN_OVER)
    expected = {"dataset": "wmt2020da-en-ja", "max_samples": 10000, "per_device_train_batch_size": 8}
    assert expected.items() <= checked.config.items()
    assert checked.config["report_to"] == "wandb"
    assert checked.config["run_name"] == "llama3_lora_sft_wmt"


def test_the_model_of_seed_001_is_refused_where_hub_ids_are_not_allowed() -> None:
    [found] = check_config(parse_yaml(TEXT), ConfigContext(places=AllowedPlaces())).errors
    assert found.loc == ("config", "model_name_or_path")


DS_CONFIG_PATHS = (None, *PRESETS, "examples/deepspeed/ds_z2_config.json", "examples/deepspeed/ds_z3_config.json")


def check(config: dict[str, Any], kind: Kind = "train", uploads: bool = True, processes: int = 1) -> CheckedConfig:
    catalogue = {name: f"/models/{name}" for name in ("tiny-llama", "tiny-qwen2", "tiny-phi3")}
    known = frozenset({"identity"})
    places = AllowedPlaces(roots=("/models",), models=catalogue)
    return check_config(config, ConfigContext(places, known, uploads, kind=kind, processes=processes))


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_seed_002_is_a_configuration(precision: str) -> None:
    checked = check({**SEED_002, precision: True})
    assert checked.errors == ()
    assert [finding.loc[1] for finding in checked.warnings] == ["output_dir"]
    assert checked.config["lora_target"] == "q_proj,v_proj"
    assert checked.config["learning_rate"] == 2e-5


@pytest.mark.parametrize(("method", "path"), [*product(METHODS_OF_003, DS_CONFIG_PATHS)])
@pytest.mark.parametrize("processes", [2, 16])
def test_seed_003_trains_by_every_method_with_every_zero(method: str, path: str | None, processes: int) -> None:
    zero = {} if path is None else {"deepspeed": path}
    checked = check({**SEED_003, **METHODS_OF_003[method], **zero}, uploads=False, processes=processes)
    assert checked.errors == ()
    assert [finding.loc[1] for finding in checked.warnings] == ["output_dir", "overwrite_output_dir", "flash_attn"]
    assert (checked.deepspeed is None) == (path is None)
    assert checked.config["flash_attn"] == "fa2"


@pytest.mark.parametrize("method", METHODS_OF_003)
def test_seed_003_trains_on_one_gpu(method: str) -> None:
    assert check({**SEED_003, **METHODS_OF_003[method]}, uploads=False).errors == ()


def test_seed_003_merges_its_adapter() -> None:
    checked = check(EXPORT_OF_003, "export", uploads=False)
    assert [(finding.loc[1], finding.severity) for finding in checked.findings] == [("export_dir", "warning")]
    final = final_config(checked, OwnedArguments("/jobs/1/output", "/jobs/1/1/data", ()))
    assert (final["export_dir"], final["export_size"]) == ("/jobs/1/output", 2)


def test_seed_004_is_a_configuration() -> None:
    assert check(SEED_004).findings == ()
