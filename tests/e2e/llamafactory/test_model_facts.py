"""The parameters that are counted from a config.json, held against transformers' own classes in the training image."""

import json
from pathlib import Path

from container import image
from container.image_program import run_program
from tests.tuning.llamafactory.config.model_shapes import KNOWN, shape
from tuning.llamafactory.config.model_size import FAMILIES, parse_model_config

PROGRAM = Path(__file__).with_name("real_models.py")
SMALL = {"hidden": 64, "inner": 96, "layers": 3, "heads": 4, "vocabulary": 512}


def test_the_real_classes_have_as_many() -> None:
    experts = {"num_experts": 4, "num_local_experts": 4, "moe_intermediate_size": 32, "head_dim": 16}
    extra = {"num_key_value_heads": 2, "pad_token_id": 0, "shared_expert_intermediate_size": 48}
    small = [
        shape(family, **SMALL, **extra, **(experts if family.endswith("moe") or family == "mixtral" else {}))
        for family in sorted(FAMILIES)
    ]
    texts = [*(text for text, _ in KNOWN), *small]
    counted = [facts.parameters if (facts := parse_model_config(text)) else None for text in texts]
    real: list[int] = json.loads(run_program(image.build("cpu"), PROGRAM, stdin=json.dumps(texts)))
    assert dict(zip(texts, counted, strict=True)) == dict(zip(texts, real, strict=True))
