"""Number formats and attention, held against the GPU's kind and the model."""

import pytest

from tuning.llamafactory.model_checks.precision import doubt_precision
from tuning.llamafactory.model_files.config_json import ModelConfig

BF16 = ModelConfig(model_type="llama", dtype="bfloat16", head_size=128)


def told(config: ModelConfig | None, gpu_type: str | None = None, **arguments: object) -> list[str]:
    found = list(doubt_precision(config, arguments, gpu_type))
    assert all(finding.severity == "warning" and finding.hint for finding in found)
    return [str(finding.loc[-1]) for finding in found]


@pytest.mark.parametrize(
    "gpu_type",
    [
        "v100",
        "V100-SXM2-32GB",
        "tesla_v100s",
        "t4",
        "p100",
        "titan_rtx",
        "gtx_1080",
        "rtx2080ti",
        "2080",
        "quadro_rtx_8000",
    ],
)
def test_gpus_before_ampere_have_no_bf16(gpu_type: str) -> None:
    assert told(BF16, gpu_type, bf16=True) == ["bf16"]
    assert told(None, gpu_type, pure_bf16=True, flash_attn="fa2") == ["pure_bf16", "flash_attn"]
    assert told(BF16, gpu_type, fp16=True) == []
    assert told(BF16, gpu_type, bf16=True, use_cpu=True) == []


@pytest.mark.parametrize(
    "gpu_type",
    [None, "", "a100", "h100", "a40", "l4", "l40s", "rtx_4090", "rtx3090", "a6000", "rtx6000", "mi250", "gpu"],
)
def test_of_other_gpus_nothing_is_said(gpu_type: str | None) -> None:
    assert told(BF16, gpu_type, bf16=True, pure_bf16=True, flash_attn="fa2") == []


def test_a_model_of_bf16_loses_numbers_in_fp16() -> None:
    assert told(BF16, "nvidia_a100-sxm4-80gb", fp16=True) == ["fp16"]
    assert told(BF16, "gpu", fp16=True) == [], "it may have no bf16"
    assert told(ModelConfig(dtype="float16"), "a100", fp16=True) == []


def test_flash_attention_takes_16_bits_and_small_heads() -> None:
    assert told(ModelConfig(dtype="float32"), flash_attn="fa2") == ["flash_attn"]
    assert told(ModelConfig(dtype="float32"), flash_attn="fa2", bf16=True) == []
    assert told(ModelConfig(head_size=512), flash_attn="fa2", bf16=True) == ["flash_attn"]


def test_families_with_an_attention_of_their_own() -> None:
    assert told(ModelConfig(model_type="gemma2"), flash_attn="sdpa") == ["flash_attn"]
    assert told(ModelConfig(model_type="gemma2"), flash_attn="auto") == []
    assert told(ModelConfig(model_type="gpt_oss")) == ["flash_attn"]
