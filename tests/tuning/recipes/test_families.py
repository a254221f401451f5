"""Families are data that hold together, and are told from the names that people give to models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.arguments.accepted import load_schema
from tuning.recipes.families import families, family_of


def test_every_template_is_one_of_llama_factorys() -> None:
    known = load_schema().templates
    assert {name for family in families() for name in (family.template, *family.also)} <= set(known)


def test_no_two_have_a_name_or_a_deciding_type_in_common() -> None:
    names = [family.name for family in families()]
    decides = [kind for family in families() for kind in family.decides]
    assert (len(set(names)), len(set(decides))) == (len(names), len(decides))
    assert all(family.decides <= family.model_types for family in families())
    assert all(family.modules for family in families())


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("meta-llama/Llama-2-7b-chat-hf", "llama-2"),
        ("/models/Meta-Llama-3-8B-Instruct/", "llama-3"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3"),
        ("tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.3", "llama-3"),
        ("meta-llama/Llama-3.2-11B-Vision-Instruct", "llama-3-vision"),
        ("elyza/ELYZA-japanese-Llama-2-7b-instruct", "llama-2"),
        ("elyza/Llama-3-ELYZA-JP-8B", "llama-3"),
        ("Qwen/Qwen2-7B-Instruct", "qwen-2"),
        ("Qwen/Qwen2.5-0.5B", "qwen-2"),
        ("tiny-qwen2", "qwen-2"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen-2-vl"),
        ("Qwen/Qwen3-8B", "qwen-3"),
        ("Qwen/Qwen3-4B-Instruct-2507", "qwen-3-instruct"),
        ("Qwen/Qwen3-4B-Thinking-2507", "qwen-3-thinking"),
        ("microsoft/Phi-3-mini-4k-instruct", "phi-3"),
        ("microsoft/Phi-3-small-8k-instruct", "phi-3-small"),
        ("microsoft/phi-4", "phi-4"),
        ("microsoft/Phi-4-mini-instruct", "phi-4-mini"),
        ("google/gemma-2-9b-it", "gemma-2"),
        ("google/gemma-2b-it", "gemma"),
        ("google/gemma-3-1b-it", "gemma-3-text"),
        ("google/gemma-3-4b-it", "gemma-3"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "mistral"),
        ("mistralai/Mistral-Nemo-Instruct-2407", "ministral"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "deepseek-r1"),
        ("deepseek-ai/DeepSeek-V2-Chat-0628", "deepseek-3"),
        ("deepseek-ai/DeepSeek-Coder-V2-Lite-Instruct", "deepseek-2"),
        ("zai-org/GLM-4-9B-0414", "glm-4-0414"),
        ("01-ai/Yi-1.5-9B-Chat", "yi"),
    ],
)
def test_a_name_tells_the_family(model: str, family: str) -> None:
    found = family_of(model)
    assert found is not None
    assert found.name == family


@pytest.mark.parametrize(
    "model",
    [
        "",
        "/",
        "tiny-llama",
        "my-model",
        "Qwen/Qwen2-Audio-7B",
        "Qwen/Qwen3-Omni-30B-A3B-Instruct",
        "llama-20b",
        "llava-v1.6-mistral-7b-hf",
    ],
)
def test_a_name_may_tell_nothing(model: str) -> None:
    assert family_of(model) is None


def test_only_the_last_part_of_a_path_counts() -> None:
    assert family_of("/data/qwen2/run-7") is None


def test_the_type_tells_it_where_the_name_does_not() -> None:
    found = family_of("/models/ours", "qwen2")
    assert found is not None
    assert found.template == "qwen"
    assert family_of("/models/ours", "llama") is None


def test_the_type_is_believed_before_the_name() -> None:
    found = family_of("llama-3-finetuned", "qwen2")
    assert found is not None
    assert found.name == "qwen-2"
    assert family_of("qwen2-or-so", "llama") is None


def test_a_hybrid_takes_both_of_its_templates() -> None:
    hybrid, instruct = family_of("Qwen3-8B"), family_of("Qwen3-4B-Instruct-2507")
    assert hybrid is not None
    assert instruct is not None
    assert [hybrid.takes(name) for name in ("qwen3", "qwen3_nothink", "qwen")] == [True, True, False]
    assert [instruct.takes(name) for name in ("qwen3", "qwen3_nothink")] == [False, True]
    assert (hybrid.thinks, instruct.thinks) == (True, False)


@given(st.text() | st.sampled_from(["Qwen3-8B", "a/Llama-3-b", "gemma", "\\", "//"]), st.text())
def test_the_folders_above_a_model_tell_no_family(name: str, above: str) -> None:
    assert family_of(f"{above}/{name}/x-{name}") == family_of(f"x-{name}")
