"""What the model will see, and what of it is trained on.

tests/e2e/llamafactory/test_templates.py holds it against LLaMA-Factory.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.errors import InvalidInput
from tuning.llamafactory.preview.rendering import Conversation, Piece, SpecialTokens, Training, Turn, render
from tuning.llamafactory.preview.templates import find_template, load_templates

TWO = Conversation((Turn("user", "犬"), Turn("assistant", "dog"), Turn("user", "猫"), Turn("assistant", "cat")))


def shown(name: str, conversation: Conversation = TWO, training: Training = Training()) -> list[tuple[str, bool]]:
    return [(piece.text, piece.is_trained) for piece in render(find_template(name), conversation, training)]


def test_answers_are_trained_on_and_questions_are_not() -> None:
    assert shown("qwen") == [
        (
            "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
            "<|im_start|>user\n犬<|im_end|>\n<|im_start|>assistant\n",
            False,
        ),
        ("dog<|im_end|>\n", True),
        ("<|im_start|>user\n猫<|im_end|>\n<|im_start|>assistant\n", False),
        ("cat<|im_end|>\n", True),
    ]


def test_only_the_last_answer_is_where_history_is_masked() -> None:
    trained = [text for text, is_trained in shown("qwen", training=Training(mask_history=True)) if is_trained]
    assert trained == ["cat<|im_end|>\n"]


def test_all_of_it_is_where_the_prompt_is_trained_on() -> None:
    assert [is_trained for _, is_trained in shown("qwen", training=Training(train_on_prompt=True))] == [True]


def test_a_system_text_takes_the_place_of_the_templates_own() -> None:
    [(start, _), *_] = shown("qwen", Conversation(TWO.turns, "Be brief."))
    assert start.startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n")


def test_llama2_writes_the_system_text_into_the_question() -> None:
    [(start, _), *_] = shown("llama2", Conversation(TWO.turns, "Be brief."))
    assert start == "[BOS][INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n犬 [/INST]"


@pytest.mark.parametrize(("mask_history", "place"), [(False, 1), (True, 0)])
def test_an_end_that_is_only_learned_is_not_read_by_what_follows(mask_history: bool, place: int) -> None:
    pieces = render(find_template("gemma2"), TWO, Training(mask_history=mask_history))
    only_learned = [number for number, piece in enumerate(pieces) if not piece.is_read]
    asked = [number for number, piece in enumerate(pieces) if "<start_of_turn>user" in piece.text]
    assert only_learned == [asked[place] - 1]
    assert pieces[only_learned[0]] == Piece("[EOS]", is_trained=True, is_read=False)
    assert "".join(piece.text for piece in pieces if piece.is_read).count("[EOS]") == 1


def test_a_reasoning_template_adds_empty_thoughts_that_are_learned() -> None:
    assert ("<think>\n\n</think>\n\ndog<|im_end|>\n", True) in shown("qwen3")


def test_without_thinking_the_empty_thoughts_are_given() -> None:
    pieces = shown("qwen3", training=Training(enable_thinking=False))
    assert pieces[0][0].endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert pieces[1] == ("dog<|im_end|>\n", True)


def test_thoughts_are_kept_unless_their_turn_is_history() -> None:
    thought = "<think>\nSmall.\n</think>\n\n"
    talk = Conversation(tuple(turn._replace(text=thought + turn.text) for turn in TWO.turns))
    assert [text.count("Small.") for text, is_trained in shown("qwen3", talk) if is_trained] == [1, 1]
    masked = shown("qwen3", talk, Training(mask_history=True))
    assert "".join(text for text, _ in masked).count(thought + "dog") == 0
    kept = shown("qwen3", talk, Training(mask_history=True, preserve_thinking=True))
    assert "".join(text for text, _ in kept).count(thought + "dog") == 1


CALL = Conversation((
    Turn("user", "2+2?"),
    Turn("function", '{"name": "add", "arguments": {"a": 2}}'),
    Turn("observation", "4"),
    Turn("assistant", "It is 4."),
))  # fmt: skip


def test_a_call_is_written_in_the_default_form() -> None:
    assert ('Action: add\nAction Input: {"a": 2}<|end|>\n', True) in shown("phi", CALL)


@pytest.mark.parametrize("text", ["", "add(2)", "[1]", '{"name": "add"}'])
def test_a_call_that_is_none_is_refused(text: str) -> None:
    turns = (CALL.turns[0], Turn("function", text), *CALL.turns[2:])
    with pytest.raises(InvalidInput, match="a call of a tool that is no JSON"):
        shown("phi", Conversation(turns))


def test_a_form_of_calls_that_is_code_is_refused_and_not_invented() -> None:
    with pytest.raises(InvalidInput, match="the template qwen writes calls of tools in a form of its own"):
        shown("qwen", CALL)


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        ((), "the two sides do not take turns"),
        (TWO.turns[1:], "the two sides do not take turns"),
        ((TWO.turns[0], TWO.turns[2]), "the two sides do not take turns"),
        (TWO.turns[:3], "the last question has no answer"),
    ],
)
def test_what_is_no_conversation_is_refused(turns: tuple[Turn, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        shown("qwen", Conversation(turns))


def test_arguments_that_llama_factory_refuses_are_refused() -> None:
    with pytest.raises(InvalidInput, match="do not go together"):
        shown("qwen", training=Training(mask_history=True, train_on_prompt=True))
    with pytest.raises(InvalidInput, match="the template glm4 has no train_on_prompt"):
        shown("glm4", training=Training(train_on_prompt=True))


def test_pictures_are_refused_where_the_model_would_look_at_them() -> None:
    talk = Conversation((Turn("user", "What is <image>?"), Turn("assistant", "A tag.")))
    assert shown("qwen", talk)
    with pytest.raises(InvalidInput, match="images, videos and sounds are not shown"):
        shown("qwen2_vl", talk)


def test_a_tokenizer_without_a_begin_token_writes_none() -> None:
    [start, *_] = render(find_template("llama3"), TWO, tokens=SpecialTokens(bos=None))
    assert start.text.startswith("<|start_header_id|>user")


TEXTS = st.text(max_size=20)


@given(st.sampled_from(sorted(load_templates())), st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4), TEXTS)
def test_every_answer_is_in_what_is_trained_on(name: str, said: list[tuple[str, str]], system: str) -> None:
    turns = [turn for asked, answer in said for turn in (Turn("user", asked), Turn("assistant", answer))]
    pieces = render(find_template(name), Conversation(tuple(turns), system))
    trained = "".join(piece.text for piece in pieces if piece.is_trained)
    assert all(answer in trained for _, answer in said)
    assert all(one != other for one, other in zip([p[1:] for p in pieces], [p[1:] for p in pieces][1:], strict=False))
