import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.config.deepspeed import PRESETS, Preset, Zero, preset, preset_elsewhere, render, zero_of


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("zero3", "zero3"),
        ("ZeRO-3", "zero3"),
        ("zero2_offload", "zero2_offload"),
        ("z2", "zero2"),
        ("ds_z0", "zero0"),
        ("ds_z2_config.json", "zero2"),
        ("examples/deepspeed/ds_z3_config.json", "zero3"),
        ("./examples/deepspeed/ds_z3_offload_config.json", "zero3_offload"),
        ("/app/examples/deepspeed/ds_z2_offload_config.json", "zero2_offload"),
        ("zero1", None),
        ("zero0_offload", None),
        ("/data/ds_z3_config.json", None),
        ("examples/deepspeed/ds_z3_fp8_config.json", None),
        ("../examples/deepspeed/ds_z3_config.json", None),
        ("", None),
        (None, None),
        ({"zero_optimization": {"stage": 3}}, None),
    ],
)
def test_the_names_that_people_have_are_known(written: object, meant: str | None) -> None:
    assert preset(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/home/me/LLaMA-Factory/examples/deepspeed/ds_z3_config.json", "zero3"),
        ("../cache/deepspeed/ds_z2_offload_config.json", "zero2_offload"),
        ("/home/me/ds_z3_config.json", None),
        ("/home/me/deepspeed/my_z3.json", None),
        ("deepspeed/zero3", None),
        ({"zero_optimization": {}}, None),
    ],
)
def test_a_path_of_another_machine_is_known_by_its_end(written: object, meant: str | None) -> None:
    assert preset_elsewhere(written) == meant


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_its_own_name_and_can_be_written_as_json(name: Preset) -> None:
    assert preset(name) == name
    rendered = json.loads(json.dumps(render(name)))
    assert rendered == render(name)
    assert zero_of(rendered) == zero_of(name)
    assert zero_of(name).stage == int(name[4])


def test_what_is_offloaded_goes_to_memory() -> None:
    assert {"offload_optimizer", "offload_param"} <= render("zero3_offload")["zero_optimization"].keys()
    assert "offload_param" not in render("zero2_offload")["zero_optimization"]
    assert not any("offload" in key for key in render("zero3")["zero_optimization"])


def test_what_a_configuration_asks_for_is_read() -> None:
    assert zero_of("zero3_offload") == Zero(3, offloads_optimizer=True, offloads_weights=True)
    assert zero_of("z2_offload") == Zero(2, offloads_optimizer=True)
    assert zero_of({"zero_optimization": {"stage": 1, "offload_optimizer": {"device": "none"}}}) == Zero(1)
    assert zero_of("/data/own.json") == Zero()


def test_zero_3_saves_whole_weights() -> None:
    assert render("zero3")["zero_optimization"]["stage3_gather_16bit_weights_on_model_save"] is True


@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.dictionaries(st.text(), x), max_leaves=4))
def test_any_value_has_a_stage(value: object) -> None:
    assert zero_of(value).stage in range(4)
    assert zero_of({"zero_optimization": {"stage": value, "offload_param": value}}).stage in range(4)
