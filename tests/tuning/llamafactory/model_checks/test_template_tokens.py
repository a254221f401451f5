"""Chat templates against the tokens of the model's tokenizer."""

from tuning.errors import Finding
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.llamafactory.model_checks.template_tokens import doubt_template_tokens
from tuning.llamafactory.model_files.described import ModelFiles

QWEN = ModelFiles("s", tokens=("<|im_start|>", "<|im_end|>", "<|endoftext|>"), has_chat_template=True)


def found(files: ModelFiles, **arguments: object) -> list[Finding]:
    findings = list(doubt_template_tokens(files, arguments))
    assert all(finding.severity == "warning" and finding.loc == ("config", "template") for finding in findings)
    return findings


def test_the_template_of_the_model_is_made_of_its_tokens() -> None:
    assert found(QWEN, template="qwen") == []
    assert found(QWEN, template="alpaca") == [], "it has no markers"


def test_another_familys_template_has_words_that_the_model_has_not() -> None:
    ends, spelt = found(QWEN, template="llama3")
    assert "<|eot_id|>, <|eom_id|>" in ends.message
    assert "<|start_header_id|>, <|end_header_id|>" in spelt.message
    assert len(found(QWEN, template="llama3", resize_vocab=True)) == 1


def test_what_the_models_own_chat_template_writes_is_right() -> None:
    zephyr = ModelFiles("s", tokens=(), template_markers=("<|user|>", "<|assistant|>", "<|system|>"))
    assert found(zephyr, template="zephyr") == []
    assert len(found(ModelFiles("s", tokens=()), template="zephyr")) == 1


def test_an_unknown_tokenizer_is_no_finding() -> None:
    for template in load_schema().templates:
        assert found(ModelFiles("s"), template=template) == []
    assert found(QWEN, template="no such") == []


def test_a_model_without_any_template_is_told() -> None:
    [finding] = found(ModelFiles("s", has_chat_template=False))
    assert "turns would have no marks" in finding.message
    assert found(ModelFiles("s", has_chat_template=False), stage="pt") == []
    assert found(ModelFiles("s", has_chat_template=False), template="default") == []
    assert found(QWEN) == []
    assert found(ModelFiles("s")) == []
