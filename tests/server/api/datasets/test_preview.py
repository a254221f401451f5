"""The first rows over HTTP: as they are, and as a model would see them."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.tuning.datasets.files import alpaca, as_array, as_lines, messages

PATH = "/api/v1/datasets"
CALL = messages(
    ("user", "2+2?"), ("function_call", '{"name": "add", "arguments": {}}'), ("tool", "4"), ("assistant", "4")
)


def preview(client: TestClient, content: bytes, **wish: Any) -> Any:
    made = client.post(PATH, files={"file": ("data.jsonl", content)}).json()
    return client.get(f"{PATH}/{made['id']}/preview", params=wish)


def text(row: dict[str, Any], *, trained: bool) -> str:
    return "".join(piece["text"] for piece in row["pieces"] if piece["trained"] is trained)


def test_the_first_rows_are_as_they_are_in_the_file(client: TestClient) -> None:
    rows = [alpaca(output="\u0000\u2028 日本語"), alpaca()]
    assert preview(client, as_array(rows), count=1).json() == {
        "format": "alpaca",
        "template": None,
        "rows": [{"row": 1, "line": 2, "value": rows[0], "pieces": None, "problem": None}],
        "has_more": True,
    }


def test_one_page_of_rows_leads_to_the_next(client: TestClient) -> None:
    answer = preview(client, as_lines([alpaca(output=str(number)) for number in range(5)]), count=2, first=4).json()
    assert [row["value"]["output"] for row in answer["rows"]] == ["3", "4"]
    assert answer["has_more"] is False


def test_with_a_template_they_are_what_the_model_sees(client: TestClient) -> None:
    [row, _] = preview(client, as_lines([messages(), messages()]), template="qwen").json()["rows"]
    assert row["pieces"] == [
        {
            "text": "<|im_start|>system\nBe brief.<|im_end|>\n"
            "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n",
            "trained": False,
            "read": True,
        },
        {"text": "Hi!<|im_end|>\n", "trained": True, "read": True},
    ]


@pytest.mark.parametrize(
    ("wish", "trained"),
    [
        ({}, "b[EOS]d[EOS]"),
        ({"mask_history": True}, "d[EOS]"),
        ({"train_on_prompt": True}, "[BOS][INST] a [/INST]b[EOS][BOS][INST] c [/INST]d[EOS]"),
    ],
)
def test_what_is_trained_on_is_as_wished(client: TestClient, wish: dict[str, bool], trained: str) -> None:
    talk = messages(("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"))
    [row] = preview(client, as_lines([talk]), template="llama2", **wish).json()["rows"]
    assert text(row, trained=True) == trained


@pytest.mark.parametrize(("thinking", "is_trained"), [(True, True), (False, False)])
def test_empty_thoughts_are_learned_or_given(client: TestClient, thinking: bool, is_trained: bool) -> None:
    [row] = preview(client, as_lines([alpaca()]), template="qwen3", enable_thinking=thinking).json()["rows"]
    assert text(row, trained=is_trained).count("<think>\n\n</think>") == 1


def test_a_row_that_is_left_out_or_cannot_be_shown_says_so(client: TestClient) -> None:
    rows = [messages(), messages(("user", "a")), CALL]
    shown = preview(client, as_lines(rows), template="qwen").json()["rows"]
    assert [row["pieces"] is None for row in shown] == [False, True, True]
    assert shown[1]["problem"].startswith("LLaMA-Factory leaves this row out")
    assert shown[2]["problem"].startswith("the template qwen writes calls of tools in a form of its own")


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"template": "qwne"}, "has no template 'qwne'"),
        ({"template": "glm4", "train_on_prompt": True}, "has no train_on_prompt"),
        ({"template": "qwen", "train_on_prompt": True, "mask_history": True}, "do not go together"),
    ],
)
def test_what_llama_factory_would_refuse_is_refused(client: TestClient, wish: dict[str, Any], message: str) -> None:
    answer = preview(client, as_lines([alpaca()]), **wish)
    assert answer.status_code == 422
    assert message in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("wish", [{"count": 0}, {"count": 101}, {"count": "many"}, {"enable_thinking": "perhaps"}])
def test_a_preview_has_a_limit(client: TestClient, wish: dict[str, Any]) -> None:
    assert preview(client, as_lines([alpaca()]), **wish).status_code == 422
