"""The config.json of well-known models, and their parameters."""

import json
from typing import Any

from tuning.llamafactory.config.model_size import ModelShape, parse_model_config


def shape(model_type: str, hidden: int, inner: int, layers: int, heads: int, vocabulary: int, **more: Any) -> str:
    config = {"model_type": model_type, "hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers}
    return json.dumps({**config, "num_attention_heads": heads, "vocab_size": vocabulary, **more})


LLAMA2_7B = shape("llama", 4096, 11008, 32, 32, 32000)
LLAMA3_8B = shape("llama", 4096, 14336, 32, 32, 128256, num_key_value_heads=8)
QWEN2_7B = shape("qwen2", 3584, 18944, 28, 28, 152064, num_key_value_heads=4, tie_word_embeddings=False)
QWEN25_05B = shape("qwen2", 896, 4864, 24, 14, 151936, num_key_value_heads=2, tie_word_embeddings=True)
QWEN3_8B = shape("qwen3", 4096, 12288, 36, 32, 151936, num_key_value_heads=8, head_dim=128)
PHI3_MINI = shape("phi3", 3072, 8192, 32, 32, 32064, num_key_value_heads=32)
MISTRAL_7B = shape("mistral", 4096, 14336, 32, 32, 32000, num_key_value_heads=8)
MIXTRAL_8X7B = shape(
    "mixtral", 4096, 14336, 32, 32, 32000, num_key_value_heads=8, num_local_experts=8, num_experts_per_tok=2
)
QWEN3_30B_A3B = shape(
    "qwen3_moe", 2048, 6144, 48, 32, 151936, num_key_value_heads=4, head_dim=128, num_experts=128,
    num_experts_per_tok=8, moe_intermediate_size=768,
)  # fmt: skip
GEMMA_7B = shape("gemma", 3072, 24576, 28, 16, 256000, num_key_value_heads=16, head_dim=256)
GEMMA2_2B = shape("gemma2", 2304, 9216, 26, 8, 256000, num_key_value_heads=4, head_dim=256)
KNOWN = (
    (LLAMA2_7B, 6_738_415_616),
    (LLAMA3_8B, 8_030_261_248),
    (QWEN2_7B, 7_615_616_512),
    (QWEN25_05B, 494_032_768),
    (QWEN3_8B, 8_190_735_360),
    (PHI3_MINI, 3_821_079_552),
    (MISTRAL_7B, 7_241_732_096),
    (MIXTRAL_8X7B, 46_702_792_704),
    (QWEN3_30B_A3B, 30_532_122_624),
    (GEMMA_7B, 8_537_680_896),
    (GEMMA2_2B, 2_614_341_888),
)


def shape_of(config: str) -> ModelShape:
    found = parse_model_config(config)
    assert found is not None
    return found
