"""Configurations as people bring them: taken over, left out, refused with what is meant, or told for what they are."""

from typing import Any

import pytest

from tuning.errors import Finding
from tuning.llamafactory.arguments.paths import AllowedPlaces
from tuning.llamafactory.config.check import CheckedConfig, ConfigContext, check_config
from tuning.llamafactory.config.final import OwnedArguments, final_config
from tuning.llamafactory.config.yaml_text import parse_yaml
from tuning.llamafactory.kinds import Kind

PLACES = AllowedPlaces(
    roots=("/srv",), models={"llama3": "/srv/m", "own": "/srv/own", "qwen": "/opt/Qwen2.5-7B-Instruct"}
)
CONTEXT = ConfigContext(
    places=PLACES,
    known_datasets=frozenset({"identity", "dpo_en_demo"}),
    models_with_code=frozenset({"/srv/own"}),
)
BASE = {"model_name_or_path": "/srv/m", "template": "llama3", "stage": "sft", "dataset": "identity"}
OWNED = OwnedArguments("/shared/packtrain/jobs/j/output", "/shared/packtrain/jobs/j/1/data", (), media_dir="/mnt/data")


def check(kind: Kind = "train", /, *, trusted: frozenset[str] = frozenset(), **arguments: Any) -> CheckedConfig:
    places = ConfigContext(
        places=PLACES,
        known_datasets=CONTEXT.known_datasets,
        models_with_code=CONTEXT.models_with_code,
        trusted_models=trusted,
        kind=kind,
    )
    return check_config({**BASE, **arguments}, places)


def at(findings: tuple[Finding, ...], name: str) -> list[str]:
    return [f"{finding.message} {finding.hint}" for finding in findings if finding.loc == ("config", name)]


def test_trust_remote_code_is_taken_as_false_and_told() -> None:
    checked = check(trust_remote_code=True)
    assert checked.errors == ()
    assert "taken as false" in at(checked.warnings, "trust_remote_code")[0]
    assert final_config(checked, OWNED)["trust_remote_code"] is False


def test_a_deepspeed_example_of_another_machine_is_the_preset() -> None:
    checked = check(deepspeed="/home/me/LLaMA-Factory/examples/deepspeed/ds_z3_config.json")
    assert (checked.errors, checked.deepspeed) == ((), "zero3")
    assert [note for note in checked.notes if note.startswith("deepspeed: /home/me/") and note.endswith(" is zero3")]
    own = check(deepspeed="/srv/LLaMA-Factory/examples/deepspeed/ds_z3_config.json")
    assert (own.errors, own.deepspeed) == ((), None)


def test_bitsandbytes_by_its_old_name_is_taken() -> None:
    checked = check(quantization_method="bitsandbytes", quantization_bit=4)
    assert (checked.errors, checked.config["quantization_method"]) == ((), "bnb")
    assert any(note.startswith("quantization_method: 'bitsandbytes' is taken as 'bnb'") for note in checked.notes)


def test_a_model_with_code_of_its_own_needs_the_operator() -> None:
    own: dict[str, Any] = {"model_name_or_path": "own", "trust_remote_code": True}
    assert "trusted_models" in at(check(**own).errors, "trust_remote_code")[0]
    allowed = check(trusted=frozenset({"/srv/own"}), **own)
    assert (allowed.findings, allowed.config["trust_remote_code"]) == ((), True)


def test_an_operator_who_trusts_all_models_is_heard() -> None:
    context = ConfigContext(places=PLACES, operator_arguments={"trust_remote_code": True})
    checked = check_config({**BASE, "model_name_or_path": "own", "trust_remote_code": True}, context)
    assert checked.findings == ()
    assert final_config(checked, OWNED)["trust_remote_code"] is True


def test_tags_are_read_as_llamafactory_reads_them() -> None:
    config = parse_yaml("learning_rate: !!float 1e-5\nlora_rank: !!int 16\n")
    assert check(**config).config["learning_rate"] == 1e-5


@pytest.mark.parametrize("loss", ["ipo", "hinge", "kto_pair"])
def test_a_loss_that_is_not_trained_is_told(loss: str) -> None:
    checked = check(stage="dpo", dataset="dpo_en_demo", pref_loss=loss)
    assert checked.errors == ()
    assert "sigmoid" in at(checked.warnings, "pref_loss")[0]


@pytest.mark.parametrize(
    ("backend", "package"), [("te", "transformer-engine"), ("auto", "torchao"), ("torchao", "torchao")]
)
def test_fp8_names_the_package_that_the_image_lacks(backend: str, package: str) -> None:
    checked = check(finetuning_type="full", bf16=True, fp8=True, fp8_backend=backend)
    assert checked.errors == ()
    assert package in at(checked.warnings, "fp8")[0]


def test_nothing_is_as_good_as_left_out_where_nobody_reads_it() -> None:
    checked = check(pref_beta=None, pref_loss=None, galore_rank=None, ppo_target=None)
    assert checked.errors == ()
    assert not checked.config.keys() & {"pref_beta", "pref_loss", "galore_rank"}
    assert at(check(lora_rank=None).errors, "lora_rank")
    assert at(check(stage="dpo", dataset="dpo_en_demo", pref_beta=None).errors, "pref_beta")


@pytest.mark.parametrize(
    ("template", "meant"),
    [
        ("qwen2.5", "qwen"),
        ("qwen1.5", "qwen"),
        ("Qwen2", "qwen"),
        ("chatglm4", "glm4"),
        ("llama3.1", "llama3"),
        ("llama-3-instruct", "llama3"),
        ("qwen2.5-vl", "qwen2_vl"),
        ("phi3", "phi"),
        ("deepseek-r1", "deepseekr1"),
        ("mistral-instruct", "mistral"),
        ("lama3", "llama3"),
    ],
)
def test_a_template_by_another_name_is_told_by_its_own(template: str, meant: str) -> None:
    assert f"did you mean {meant}?" in at(check(template=template).errors, "template")[0]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("stage", "orpo", "pref_loss: orpo"),
        ("stage", "pretrain", "stage: pt"),
        ("train_mm_proj_only", True, "freeze_vision_tower"),
        ("dpo_beta", 0.1, "pref_beta"),
        ("dpo_ftx", 1.0, "pref_ftx"),
        ("checkpoint_dir", "/srv/a", "adapter_name_or_path"),
        ("visual_inputs", True, "leave it out"),
        ("image_resolution", 512, "image_max_pixels"),
        ("max_source_length", 512, "cutoff_len"),
        ("task", "mmlu_test", "predict"),
        ("wandb_project", "x", "WANDB_PROJECT"),
        ("adapter_name_or_path", "None", "leave it out"),
    ],
)
def test_old_words_are_refused_with_those_of_today(name: str, value: Any, words: str) -> None:
    assert words in at(check(**{name: value}).errors, name)[0]


def test_a_merge_on_the_gpu_is_taken() -> None:
    checked = check("export", export_device="gpu", export_dir="out", dataset=None)
    assert checked.errors == ()
    assert checked.config["export_device"] == "auto"


def test_runs_of_ktransformers_and_without_logging_are_taken() -> None:
    assert check(use_kt=True, finetuning_type="full").errors == ()
    checked = check(logging_strategy="no")
    assert checked.errors == ()
    assert at(checked.warnings, "logging_strategy")


def test_a_reference_is_taken_as_it_stands_and_told() -> None:
    checked = check(run_name="${NAME}", output_dir="${OUT}/x")
    assert checked.errors == ()
    assert "replaces no" in at(checked.warnings, "run_name")[0]


@pytest.mark.parametrize(
    "model",
    [
        "Qwen/Qwen2.5-7B-Instruct",
        "Qwen2.5-7B-Instruct",
        "qwen2.5-7b-instruct",
        "/data/models/Qwen2.5-7B-Instruct/",
        "../models/Qwen2.5-7B-Instruct",
        "/hub/models--Qwen--Qwen2.5-7B-Instruct",
    ],
)
def test_a_model_is_known_by_its_hub_id_or_folder(model: str) -> None:
    checked = check(model_name_or_path=model)
    assert checked.errors == ()
    assert checked.config["model_name_or_path"] == "/opt/Qwen2.5-7B-Instruct"
    assert any(model in note for note in checked.notes)


def test_a_folder_that_two_models_share_names_neither() -> None:
    places = AllowedPlaces(models={"a": "/opt/a/final", "b": "/opt/b/final"})
    checked = check_config({**BASE, "model_name_or_path": "/x/final"}, ConfigContext(places=places))
    assert at(checked.errors, "model_name_or_path")


@pytest.mark.parametrize("name", ["media_dir", "cache_dir", "tokenized_path"])
@pytest.mark.parametrize("value", ["data", "/home/somebody/x", "../x"])
def test_places_of_another_machine_are_left_out_and_told(name: str, value: str) -> None:
    given: dict[str, Any] = {name: value}
    checked = check(**given)
    assert checked.errors == ()
    assert name not in checked.config
    assert "left out" in at(checked.warnings, name)[0]


def test_tokenized_data_that_is_all_the_data_cannot_be_left_out() -> None:
    assert at(check(dataset=None, tokenized_path="saves/x").errors, "tokenized_path")


def test_media_are_looked_for_beside_the_checkouts_data() -> None:
    assert final_config(check(), OWNED)["media_dir"] == "/mnt/data"
    assert final_config(check(media_dir="/srv/media"), OWNED)["media_dir"] == "/srv/media"
    assert final_config(check(media_dir=None), OWNED)["media_dir"] == "/mnt/data"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "model_name_or_path: /srv/m\nadapter_name_or_path: /srv/a\ntemplate: llama3\ninfer_backend: huggingface",
            "chat",
        ),
        ("model_name_or_path: /srv/m\ntemplate: llama3\ntemperature: 0.7", "chat"),
        ("compute_environment: LOCAL_MACHINE\ndistributed_type: FSDP\nnum_processes: 2", "accelerate"),
        ("train_micro_batch_size_per_gpu: auto\nzero_optimization: {stage: 3}", "DeepSpeed"),
        ("model_name_or_path: /srv/m\ndo_train: true\ntensor_model_parallel_size: 2", "Megatron"),
        ("model: /srv/m\ndist_config: {name: fsdp2}\ntrain_dataset: x", "v1"),
        ("alpaca: {file_name: a.json}\nother: {hf_hub_url: x/y}", "dataset_info.json"),
    ],
)
def test_other_programs_files_are_told_for_what_they_are(text: str, words: str) -> None:
    [finding] = check_config(parse_yaml(text), CONTEXT).findings
    assert (finding.severity, finding.loc) == ("error", ("config",))
    assert words in finding.message


def test_a_configuration_beside_a_data_set_is_no_file_for_chatting() -> None:
    context = ConfigContext(places=PLACES, has_uploaded_datasets=True)
    config = {"model_name_or_path": "/srv/m", "template": "llama3", "temperature": 0.5}
    assert check_config(config, context).errors == ()


CHECKOUT = ConfigContext(places=AllowedPlaces(roots=("/srv", "/mnt"), checkout="/mnt"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("deepspeed", "examples/deepspeed/ds_z3_fp8_config.json"),
        ("deepspeed", "./examples/deepspeed/own.json"),
        ("new_special_tokens_config", "examples/extras/multi_tokens/tokens_cfg.yaml"),
    ],
)
def test_files_of_the_checkout_are_named_as_in_its_examples(name: str, value: str) -> None:
    checked = check_config({**BASE, name: value}, CHECKOUT)
    assert checked.errors == ()
    assert checked.config[name] == f"/mnt/{value.removeprefix('./')}"


@pytest.mark.parametrize("value", ["../etc/x.json", "examples/../../etc/x.json", "a b.json", "."])
def test_nothing_outside_the_checkout_is_named_so(value: str) -> None:
    assert at(check_config({**BASE, "deepspeed": value}, CHECKOUT).errors, "deepspeed")


def test_a_configuration_that_only_evaluates_is_run_so() -> None:
    checked = check("predict", do_train=False, do_eval=True, val_size=0.1)
    assert checked.errors == ()
    assert at(checked.warnings, "val_size")
    final = final_config(checked, OWNED)
    assert (final["do_train"], final["do_eval"], final["do_predict"]) == (False, True, False)
    assert final["eval_dataset"] == "identity"
    assert not final.get("predict_with_generate")


def test_a_prediction_takes_all_of_the_data_that_a_training_would_split() -> None:
    checked = check("predict", do_train=False, do_predict=True, predict_with_generate=True, val_size=0.1)
    assert checked.errors == ()
    assert at(checked.warnings, "val_size")
    final = final_config(checked, OWNED)
    assert (final["eval_dataset"], "val_size" in final) == ("identity", False)


def test_a_prediction_that_evaluates_too_writes_its_answers() -> None:
    final = final_config(check("predict", do_eval=True, do_predict=True), OWNED)
    assert (final["do_predict"], final["predict_with_generate"]) == (True, True)
