from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.llamafactory.config.model_shapes import LLAMA2_7B, shape_of
from tuning.llamafactory.arguments.accepted import known_versions, load_schema, versions_with
from tuning.llamafactory.arguments.ownership import LEFT_OUT, NOT_DONE, REFUSED, TAKEN_OVER
from tuning.llamafactory.arguments.paths import ADAPTERS, FILES, MAPPINGS, MODELS, AllowedPlaces
from tuning.llamafactory.config.check import CheckedConfig, ConfigContext, check_config
from tuning.llamafactory.config.final import OwnedArguments, final_config
from tuning.llamafactory.config.yaml_text import to_yaml
from tuning.llamafactory.kinds import KINDS
from tuning.llamafactory.memory.estimate import GIB

PLACES = AllowedPlaces(roots=("/models", "/data"), models={"tiny-llama": "/opt/tiny/llama"})
CONTEXT = ConfigContext(places=PLACES, known_datasets=frozenset({"identity", "alpaca_en_demo"}))
GOOD: dict[str, Any] = {"model_name_or_path": "tiny-llama", "dataset": "identity", "template": "llama3"}
OWNED = OwnedArguments("/shared/packtrain/jobs/j/output", "/shared/packtrain/jobs/j/1/data", ("ds_a",))


def having(name: str) -> ConfigContext:
    """A cluster whose LLaMA-Factory has an argument of this name."""
    return replace(CONTEXT, schema=load_schema(versions_with(name)[-1]))


def check(**arguments: Any) -> CheckedConfig:
    return check_config({**GOOD, **arguments}, CONTEXT)


def errors(**arguments: Any) -> list[tuple[str, str, str | None]]:
    return [(str(finding.loc[-1]), finding.message, finding.hint) for finding in check(**arguments).errors]


def test_a_good_configuration_passes_with_its_model_resolved() -> None:
    checked = check()
    assert checked.findings == ()
    assert checked.config == {**GOOD, "model_name_or_path": "/opt/tiny/llama"}
    assert checked.notes == ("model_name_or_path: tiny-llama is /opt/tiny/llama",)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = errors(
        lora_rnak=8, learning_rate="fast", template="lama3", dataset="identiti", max_samples=0, adapter_folder="/etc"
    )
    assert [loc for loc, _, _ in found] == [
        "lora_rnak",
        "learning_rate",
        "adapter_folder",
        "template",
        "dataset",
        "max_samples",
    ]
    hints = {loc: hint for loc, _, hint in found}
    assert hints["lora_rnak"] == "did you mean lora_rank?"
    assert hints["template"] == "did you mean llama3?"
    assert (hints["dataset"] or "").startswith("did you mean identity?")


def test_an_argument_of_another_version_is_told_so() -> None:
    ours = load_schema("0.9.5")
    fewer = {name: argument for name, argument in ours.arguments.items() if name != "use_dora"}
    context = replace(CONTEXT, schema=replace(ours, version="0.9.0", arguments=fewer))
    [found] = check_config({**GOOD, "use_dora": True}, context).errors
    assert found.message == "LLaMA-Factory 0.9.0 has no argument 'use_dora'"
    assert found.hint == "LLaMA-Factory 0.9.4, 0.9.5 has it; the cluster's image holds 0.9.0"


def test_what_has_another_name_now_is_told_by_it() -> None:
    assert errors(group_by_length=True)[0][2] == "write train_sampling_strategy: group_by_length"
    assert errors(evaluation_strategy="steps")[0][2] == "it is called eval_strategy now"
    older = replace(CONTEXT, schema=load_schema("0.9.4"))
    assert check_config({**GOOD, "group_by_length": True}, older).findings == ()
    assert check_config({**GOOD, "use_dora": True, "stage": "dpo", "pissa_init": True}, older).errors != ()


def test_coercions_are_told() -> None:
    checked = check(learning_rate="1e-4", eval_strategy=False)
    assert checked.config["learning_rate"] == 1e-4
    assert checked.config["eval_strategy"] == "no"
    assert any("learning_rate" in note for note in checked.notes)


def test_what_packtrain_owns_is_taken_over_with_a_word() -> None:
    checked = check(output_dir="saves/x", overwrite_output_dir=True, dataset_dir="/anywhere", logging_dir="../x")
    assert checked.errors == ()
    assert [finding.loc[1] for finding in checked.warnings] == [
        "output_dir",
        "overwrite_output_dir",
        "dataset_dir",
        "logging_dir",
    ]
    assert not checked.config.keys() & TAKEN_OVER.keys()


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_arguments_that_run_fetch_or_report_are_refused(name: str) -> None:
    [finding] = check_config({**GOOD, name: "hf_SECRET"}, having(name)).errors
    message = finding.message
    assert finding.loc == ("config", name)
    assert REFUSED[name] in message
    assert "hf_SECRET" not in message


@pytest.mark.parametrize("name", sorted(NOT_DONE))
def test_what_no_job_does_is_left_out_with_a_word(name: str) -> None:
    checked = check_config({**GOOD, name: "org/SECRET"}, having(name))
    assert checked.errors == ()
    [warning] = checked.warnings
    assert warning.loc == ("config", name)
    assert NOT_DONE[name] in warning.message
    assert "SECRET" not in warning.message
    assert name not in checked.config


@pytest.mark.parametrize("name", sorted([*REFUSED, *NOT_DONE]))
def test_saying_the_default_of_an_unwanted_argument_does_no_harm(name: str) -> None:
    context = having(name)
    checked = check_config({**GOOD, name: context.schema.arguments[name].default}, context)
    assert checked.findings == ()
    assert name not in checked.config


def test_qlora_is_explained() -> None:
    [(_, _, hint)] = errors(finetuning_type="qlora")
    assert hint == "QLoRA is finetuning_type: lora together with quantization_bit: 4"


def test_a_model_and_a_data_set_are_needed() -> None:
    found = check_config({}, CONTEXT)
    assert [finding.loc[1] for finding in found.errors] == ["model_name_or_path", "dataset"]
    assert "tiny-llama" in (found.errors[0].hint or "")


def test_uploaded_data_sets_are_enough() -> None:
    context = ConfigContext(places=PLACES, has_uploaded_datasets=True)
    assert check_config({"model_name_or_path": "tiny-llama", "template": "llama3"}, context).findings == ()


def test_names_pass_while_the_cluster_was_not_asked_yet() -> None:
    assert check_config({**GOOD, "dataset": "anything"}, ConfigContext(places=PLACES)).errors == ()


@pytest.mark.parametrize("name", [*MODELS, *ADAPTERS, *FILES, *MAPPINGS])
@pytest.mark.parametrize("value", ["/etc/passwd", "/models/../etc", "/models/a b", "relative/x/y"])
def test_no_argument_reaches_a_file_outside_the_roots(name: str, value: str) -> None:
    checked = check_config({**GOOD, name: value}, CONTEXT)
    if name in LEFT_OUT:
        assert name not in checked.config
    else:
        assert ("config", name) in [finding.loc for finding in checked.errors]


@pytest.mark.parametrize("name", MAPPINGS)
def test_paths_inside_a_mapping_are_held_to_the_roots_too(name: str) -> None:
    if "dict" in load_schema("0.9.5").arguments[name].types:
        assert [loc for loc, _, _ in errors(**{name: {"zero_optimization": ["/etc/shadow"]}})] == [name]
        assert errors(**{name: {"zero_optimization": ["/data/nvme", "auto"]}}) == []


@pytest.mark.parametrize("version", known_versions())
def test_every_argument_that_sounds_like_a_place_has_an_owner(version: str) -> None:
    sorted_out = {*MODELS, *ADAPTERS, *FILES, *MAPPINGS, *TAKEN_OVER, *REFUSED, *NOT_DONE}
    parts = (
        "path",
        "_dir",
        "folder",
        "logdir",
        "config",
        "adapters",
        "kwargs",
        "token",
        "hub_",
        "deepspeed",
        "ray_",
        "rule",
    )
    sounds = {name for name in load_schema(version).arguments if any(part in name for part in parts)}
    no_places = {
        "init_special_tokens",
        "skip_special_tokens",
        "split_special_tokens",
        "add_tokens",
        "add_special_tokens",
    }
    no_places |= {"include_tokens_per_second", "ray_scope"}  # of 0.9.4
    no_places |= {"max_new_tokens", "average_tokens_across_devices", "include_num_input_tokens_seen"}
    no_places |= {
        "use_fast_tokenizer",
        "include_effective_tokens_per_second",
        "ignore_pad_token_for_loss",
        "hub_private_repo",
    }
    assert sounds - sorted_out == no_places & sounds


def test_several_adapters_are_each_held_to_the_roots() -> None:
    checked = check(adapter_name_or_path="/models/a, /models//b/")
    assert checked.errors == ()
    assert checked.config["adapter_name_or_path"] == "/models/a,/models/b"
    assert len(errors(adapter_name_or_path="/models/a,/etc/b,/root/c")) == 2


def test_the_operator_decides_and_the_user_is_told() -> None:
    context = ConfigContext(places=PLACES, operator_arguments={"use_cpu": True, "trust_remote_code": True})
    checked = check_config({**GOOD, "use_cpu": False}, context)
    assert [finding.message for finding in checked.warnings] == ["use_cpu is set to True on this cluster, not to False"]
    final = final_config(checked, OWNED)
    assert final["use_cpu"] is True
    assert final["trust_remote_code"] is True


@pytest.mark.parametrize("name", ["x\x00y", "\ud800", "a'b|c\n$(id)", "😀" * 10, "k" * 10_000, ""])
def test_strange_names_are_refused_and_can_be_shown(name: str) -> None:
    found = check(**{name: 1}).errors
    assert len(found) == 1
    for text in (*map(str, found[0].loc), found[0].message):
        assert text.encode("utf-8").isascii() or text.isprintable()
        assert len(text) < 1000


@pytest.mark.parametrize("value", ["x\x00", "\ud800", "a ${b", "\x1b[31m"])
def test_strange_values_are_refused_with_their_place(value: str) -> None:
    assert [loc for loc, _, _ in errors(run_name=value)] == ["run_name"]
    assert [loc for loc, _, _ in errors(deepspeed={"a": [value]})] == ["0"]


def test_a_flood_of_arguments_is_cut() -> None:
    found = check_config({f"argument_{number}": 1 for number in range(100_000)}, CONTEXT)
    assert any("100000 arguments" in finding.message for finding in found.errors)
    assert len(found.errors) < 500


def test_users_words_lie_over_defaults_and_under_owned_arguments() -> None:
    final = final_config(check(logging_steps=5, overwrite_output_dir=True, output_dir="x"), OWNED)
    assert final == {
        **KINDS["train"].defaults,
        "do_train": True,
        "model_name_or_path": "/opt/tiny/llama",
        "template": "llama3",
        "logging_steps": 5,
        "dataset": "identity,ds_a",
        "output_dir": "/shared/packtrain/jobs/j/output",
        "dataset_dir": "/shared/packtrain/jobs/j/1/data",
        "overwrite_output_dir": False,
    }
    assert "resume_from_checkpoint" not in final  # LLaMA-Factory goes on from the newest checkpoint by itself


def test_uploaded_data_sets_alone_are_exactly_what_is_trained_on() -> None:
    context = ConfigContext(places=PLACES, has_uploaded_datasets=True)
    checked = check_config({"model_name_or_path": "tiny-llama"}, context)
    assert final_config(checked, OwnedArguments("/o", "/d", ("ds_a", "ds_b")))["dataset"] == "ds_a,ds_b"


values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.lists(st.text(max_size=5), max_size=3)
    | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)
)
names = st.sampled_from(
    sorted({name for version in known_versions() for name in load_schema(version).arguments})
) | st.text(max_size=15)


@given(st.dictionaries(names, values, max_size=8), st.sampled_from(known_versions()))
def test_any_configuration_is_judged_and_what_passes_can_be_written(config: dict[str, Any], version: str) -> None:
    known = replace(
        CONTEXT,
        schema=load_schema(version),
        model_shapes={"/opt/tiny/llama": shape_of(LLAMA2_7B)},
        gpu_memory_bytes=GIB,
    )
    checked = check_config({**GOOD, **config}, known)
    if not checked.errors:
        final = final_config(checked, OWNED)
        assert yaml.safe_load(to_yaml(final)) == final


@given(st.dictionaries(names, values, max_size=8))
def test_checking_again_changes_nothing(config: dict[str, Any]) -> None:
    first = check_config({**GOOD, **config}, CONTEXT)
    if not first.errors:
        second = check_config(first.config, CONTEXT)
        assert second.config == first.config
        assert second.errors == ()
        assert second.notes == ()


RANKED = {"ranking": True}
PLAIN: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("config", "entries", "has_uploads", "found"),
    [
        ({"stage": "dpo", "dataset": "identity"}, {"identity": PLAIN}, False, ["stage"]),
        ({"stage": "dpo", "dataset": "identity"}, {"identity": RANKED}, False, []),
        ({"stage": "dpo", "dataset": "identity"}, {"identity": RANKED, "alpaca_en_demo": PLAIN}, False, []),
        ({"stage": "sft", "eval_dataset": "identity"}, {"identity": RANKED}, True, ["stage"]),
        ({"stage": "dpo", "dataset": "identity"}, {"identity": RANKED, "ds_a": PLAIN}, True, ["stage"]),
        ({"stage": "dpo"}, {"ds_a": RANKED}, True, []),
        ({"stage": "dpo", "dataset": "identity"}, {}, True, []),
        (
            {"interleave_probs": "0.5,0.5", "mix_strategy": "interleave_under"},
            {"ds_a": PLAIN},
            True,
            ["interleave_probs"],
        ),
        ({"interleave_probs": "0.5,0.5", "mix_strategy": "interleave_under"}, {}, True, []),
    ],
)
def test_the_data_must_be_for_the_stage(
    config: dict[str, Any], entries: dict[str, dict[str, Any]], has_uploads: bool, found: list[str]
) -> None:
    context = replace(CONTEXT, dataset_entries=entries, has_uploaded_datasets=has_uploads)
    checked = check_config({"model_name_or_path": "tiny-llama", "template": "llama3", **config}, context)
    assert [finding.loc[1] for finding in checked.errors] == found


@pytest.mark.parametrize(
    ("config", "is_refused"),
    [
        ({}, True),
        ({"mask_history": False}, True),
        ({"mask_history": True}, False),
        ({"dataset": "identity", "eval_dataset": "ds_a"}, True),
        ({"stage": "pt"}, False),
    ],
)
def test_answers_of_weight_0_are_masked_or_refused(config: dict[str, Any], is_refused: bool) -> None:
    context = replace(
        CONTEXT,
        dataset_entries={"identity": PLAIN, "ds_a": PLAIN},
        has_uploaded_datasets=True,
        untrained_histories=frozenset({"ds_a"}),
    )
    checked = check_config({"model_name_or_path": "tiny-llama", "template": "llama3", **config}, context)
    assert ("mask_history" in [finding.loc[1] for finding in checked.errors]) is is_refused


@pytest.mark.parametrize(("template", "warned"), [("gemma2", ["template"]), ("llama3", [])])
def test_ends_that_no_mask_covers_are_told(template: str, warned: list[str]) -> None:
    context = replace(
        CONTEXT, dataset_entries={"ds_a": PLAIN}, has_uploaded_datasets=True, untrained_histories=frozenset({"ds_a"})
    )
    config = {"model_name_or_path": "tiny-llama", "template": template, "mask_history": True}
    checked = check_config(config, context)
    assert checked.errors == ()
    assert [finding.loc[1] for finding in checked.warnings] == warned


def test_the_number_of_gpus_is_part_of_the_check() -> None:
    inline = {
        "deepspeed": {"train_batch_size": 32, "zero_optimization": {"stage": 2}},
        "per_device_train_batch_size": 4,
    }
    assert [loc for loc, _, _ in errors(**inline)] == ["deepspeed"]
    assert check_config({**GOOD, **inline}, replace(CONTEXT, processes=8)).errors == ()


def test_a_run_that_is_too_large_for_its_gpu_is_told() -> None:
    known = replace(CONTEXT, model_shapes={"/opt/tiny/llama": shape_of(LLAMA2_7B)}, gpu_memory_bytes=24 * GIB)
    checked = check_config({**GOOD, "finetuning_type": "full"}, known)
    assert checked.memory is not None
    [warning] = checked.warnings
    assert warning.loc == ("config", "per_device_train_batch_size")
    assert warning.message.startswith("one GPU would need about 1")
    assert "24.0 GiB" in warning.message
    assert check_config({**GOOD, "quantization_bit": 4, "per_device_train_batch_size": 1}, known).warnings == ()
    assert check_config({**GOOD, "finetuning_type": "full"}, replace(known, gpu_memory_bytes=None)).warnings == ()


@pytest.mark.parametrize("config", [{"use_cpu": True}, {"model_name_or_path": "/models/other"}])
def test_no_memory_is_estimated_of_what_is_not_known_or_not_on_a_gpu(config: dict[str, Any]) -> None:
    known = replace(CONTEXT, model_shapes={"/opt/tiny/llama": shape_of(LLAMA2_7B)})
    assert check_config({**GOOD, **config}, known).memory is None
