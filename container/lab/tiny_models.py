"""Make three tiny models that LLaMA-Factory takes for real ones. Runs inside the training image.

    python tiny_models.py DATA_DIR OUTPUT_DIR

Two layers, a vocabulary learned on the samples given, the tokens that each family's chat template wants.
They know nothing on purpose: what a run teaches them must show as a falling loss.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

VOCABULARY = 1000
CONTEXT = 4096
# A random output layer answers so faintly that a short LoRA run at 1e-4 hardly shows; louder, the loss falls by half
# a nat in the seed's 33 steps.
SHARPNESS = 4.0
SHAPE: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
}


@dataclass(frozen=True)
class Family:
    """Markers that set a model family's tokenizer apart, and the chat template written with them."""

    bos: str | None
    eos: str
    pad: str
    markers: tuple[str, ...]
    chat_template: str


QWEN = Family(
    bos=None,
    eos="<|im_end|>",
    pad="<|endoftext|>",
    markers=("<|im_start|>",),
    chat_template=(
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
        "{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
)
LLAMA = Family(
    bos="<|begin_of_text|>",
    eos="<|eot_id|>",
    pad="<|finetune_right_pad_id|>",
    markers=("<|start_header_id|>", "<|end_header_id|>", "<|end_of_text|>", "<|eom_id|>"),
    chat_template=(
        "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n'"
        " + m['content'] + '<|eot_id|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
    ),
)
PHI = Family(
    bos="<s>",
    eos="<|end|>",
    pad="<|endoftext|>",
    markers=("<|system|>", "<|user|>", "<|assistant|>"),
    chat_template=(
        "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
    ),
)


def texts(data: Path) -> Iterator[str]:
    """Every string of every sample file: what the vocabulary is learned from."""
    for path in sorted(data.glob("*.json")):
        rows = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(rows, list):
            for row in rows:
                yield from (str(value) for value in row.values())


def make_tokenizer(family: Family, corpus: list[str]) -> Any:
    specials = [token for token in (family.pad, family.bos, family.eos, *family.markers) if token]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(corpus, trainer)
    result = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=family.bos,
        eos_token=family.eos,
        pad_token=family.pad,
        additional_special_tokens=list(family.markers),
        model_max_length=CONTEXT,
    )
    result.chat_template = family.chat_template
    return result


def make_model(out: Path, family: Family, corpus: list[str], build: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    tokenizer = make_tokenizer(family, corpus)
    tokenizer.save_pretrained(out)
    model = build(
        **SHAPE,
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.no_grad():
        model.lm_head.weight.mul_(SHARPNESS)
    model.save_pretrained(out)


def main(data: Path, out: Path) -> None:
    corpus = list(texts(data))
    make_model(out / "tiny-qwen2", QWEN, corpus, lambda **shape: Qwen2ForCausalLM(Qwen2Config(**shape)))
    make_model(out / "tiny-llama", LLAMA, corpus, lambda **shape: LlamaForCausalLM(LlamaConfig(**shape)))
    make_model(out / "tiny-phi3", PHI, corpus, lambda **shape: Phi3ForCausalLM(Phi3Config(**shape)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
