"""What LLaMA-Factory itself makes of conversations, with every template. Runs inside the training image.

    python template_texts.py MODEL_FOLDER... < cases.json

Each case is a conversation and the arguments that decide about its text; said are the text that is read, and the runs
of text that the loss counts.
"""

import json
import logging
import sys
from collections.abc import Iterator
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

from llamafactory.data.processor.supervised import SupervisedDatasetProcessor
from llamafactory.data.template import TEMPLATES, get_template_and_fix_tokenizer
from transformers import AutoTokenizer

IGNORED = -100


class Media:
    """A model's processor of images and sounds, as far as text needs one: it has to be there."""

    image_processor = video_processor = feature_extractor = SimpleNamespace(
        merge_size=2, merge_kernel_size=(2, 2), max_slice_nums=9, use_image_id=True
    )
    image_seq_length = 256
    boi_token = eoi_token = boa_token = eoa_token = audio_bos_token = audio_eos_token = "<media>"
    image_token = video_token = audio_token = "<media>"
    full_image_sequence = full_audio_sequence = "<media>"


def tokens_of(template: Any) -> list[str]:
    """The tokens that it takes for granted."""
    formats = [value for name, value in vars(template).items() if name.startswith("format_")]
    return [slot["token"] for one in formats for slot in one.slots if isinstance(slot, dict)]


def said(tokenizer: Any, name: str, case: dict[str, Any]) -> dict[str, Any]:
    """The texts of a case, or the error."""
    arguments = SimpleNamespace(
        template=name, tool_format=None, default_system=None, cutoff_len=1_000_000, **case["training"]
    )
    try:
        template = get_template_and_fix_tokenizer(tokenizer, arguments)
        processor = SupervisedDatasetProcessor(template, tokenizer, Media(), arguments)
        turns = [{"role": role, "content": text} for role, text in case["turns"]]
        ids, labels = processor._encode_data_example(turns[:-1], turns[-1:], case["system"], "", [], [], [])
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"read": decoded(tokenizer, ids), "trained": [decoded(tokenizer, run) for run in runs(labels)]}


def runs(labels: list[int]) -> Iterator[list[int]]:
    """Stretches of labels that the loss counts."""
    run: list[int] = []
    for label in [*labels, IGNORED]:
        if label != IGNORED:
            run.append(label)
        elif run:
            yield run
            run = []


def decoded(tokenizer: Any, ids: list[int]) -> str:
    """As text, special tokens and all."""
    return str(tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def main() -> None:
    """All templates with all tokenizers."""
    logging.disable()
    cases = json.load(sys.stdin)
    answers = []
    for folder in sys.argv[1:]:
        loaded = AutoTokenizer.from_pretrained(folder)
        for name, template in TEMPLATES.items():
            tokenizer = deepcopy(loaded)
            tokenizer.add_tokens(tokens_of(template), special_tokens=True)
            texts = [said(tokenizer, name, case) for case in cases]
            own = {"bos": tokenizer.bos_token, "eos": tokenizer.eos_token}
            answers.append({"folder": folder, "template": name, "tokens": own, "texts": texts})
    json.dump(answers, sys.stdout)


main()
