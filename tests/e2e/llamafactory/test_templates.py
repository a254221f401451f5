"""What rendering.py writes is what LLaMA-Factory trains on: all templates, with a tokenizer of each kind."""

import json
import shlex
import subprocess
from itertools import groupby, product
from pathlib import Path
from typing import Any

import pytest

from container import templates as reading
from tests.e2e.site import Site
from tuning.errors import InvalidInput
from tuning.llamafactory.preview.rendering import Conversation, SpecialTokens, Training, Turn, render
from tuning.llamafactory.preview.templates import find_template, load_templates

IMAGE = "/opt/packtrain/llamafactory.sif"
PROGRAM = Path(__file__).with_name("template_texts.py")
MODELS = ("/srv/models/tiny-llama", "/srv/models/tiny-qwen2")
"""With a token for the begin of a text, and without."""

ONE = (("user", "Translate: 犬"), ("assistant", "dog"))
THREE = (*ONE, ("user", "and\n\n{{content}}?"), ("assistant", " cat \n"), ("user", "more"), ("assistant", "bird"))
THOUGHT = "<think>\nA cat purrs.\n</think>\n\n"
CONVERSATIONS: tuple[tuple[tuple[tuple[str, str], ...], str], ...] = (
    (ONE, ""),
    (ONE, "Be {brief}."),
    (THREE, ""),
    (THREE, "Be brief.\n"),
    ((("user", "猫"), ("assistant", THOUGHT + "cat"), *ONE, ("user", "猫"), ("assistant", THOUGHT + "cat")), ""),
    ((("user", ""), ("assistant", "")), ""),
    ((("user", "?"), ("function", '{"name": "f", "arguments": {"x": "犬"}}'), ("observation", "[1, 2]"), *ONE[1:]), ""),
    (
        (
            ("user", "?"),
            ("function", THOUGHT + '[{"name": "f", "arguments": {}}, {"name": "g", "arguments": {"y": 1}}]'),
            ("observation", "[1, 2]"),
            *ONE[1:],
        ),
        "Tools.",
    ),
)
TRAININGS = (
    Training(),
    Training(mask_history=True),
    Training(train_on_prompt=True),
    Training(enable_thinking=False),
    Training(mask_history=True, enable_thinking=False),
    Training(mask_history=True, preserve_thinking=True),
)
CASES = list(product(CONVERSATIONS, TRAININGS))


@pytest.fixture(scope="module")
def answers(site: Site) -> list[dict[str, Any]]:
    """What LLaMA-Factory says of the cases: one process for all."""
    program = shlex.quote(PROGRAM.read_text(encoding="utf-8"))
    command = f"apptainer -s exec --bind /srv {IMAGE} python3 -c {program} {' '.join(MODELS)}"
    cases = [{"turns": turns, "system": system, "training": vars(wish)} for (turns, system), wish in CASES]
    done = subprocess.run(
        site.lab.ssh_command(command), input=json.dumps(cases), capture_output=True, text=True, check=True
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_every_text_is_what_llama_factory_trains_on(answers: list[dict[str, Any]]) -> None:
    wrong: dict[str, Any] = {}
    refused = set()
    compared = 0
    for answer in answers:
        for case, theirs in zip(CASES, answer["texts"], strict=True):
            ours = _rendered(answer["template"], answer["tokens"], case)
            if ours is None and "error" not in theirs:
                refused.add((answer["template"], "function" in str(case[0])))
            elif ours != theirs and not (ours is None and "error" in theirs):
                wrong.setdefault(answer["template"], (case, ours, theirs))
            else:
                compared += 1
    assert wrong == {}
    own_form = {name for name, template in load_templates().items() if template.function_format != "default"}
    assert refused == {(name, True) for name in own_form}
    assert compared > 0.8 * len(answers) * len(CASES)


def test_the_data_are_those_of_the_image() -> None:
    kept = reading.FOLDER / "0.9.5.json"
    assert reading.read() == kept.read_text(encoding="utf-8")


def _rendered(name: str, tokens: dict[str, str | None], case: Any) -> dict[str, Any] | None:
    (turns, system), training = case
    conversation = Conversation(tuple(Turn(*turn) for turn in turns), system)
    special = SpecialTokens(tokens["bos"], tokens["eos"] or "")
    try:
        pieces = render(find_template(name), conversation, training, special)
    except InvalidInput:
        return None
    trained = [
        "".join(p.text for p in run) for is_trained, run in groupby(pieces, lambda p: p.is_trained) if is_trained
    ]
    return {"read": "".join(piece.text for piece in pieces if piece.is_read), "trained": trained}
