"""The templates' data hold together."""

import json

import pytest

from tuning.errors import InvalidInput
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.llamafactory.preview.templates import Template, find_template, load_templates


def test_all_of_llama_factorys_are_there() -> None:
    assert tuple(load_templates()) == load_schema().templates


def test_an_end_token_of_its_own_takes_the_place_of_the_tokenizers() -> None:
    assert (find_template("chatml").own_eos, find_template("llama2").own_eos) == ("<|im_end|>", None)


@pytest.mark.parametrize("template", load_templates().values(), ids=lambda template: template.name)
def test_only_what_is_said_is_a_placeholder(template: Template) -> None:
    text = json.dumps(list(template.slots.values()))
    assert text.count("{{") == text.count("{{content}}")


def test_an_unknown_template_is_told_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="has no template 'lama3'") as caught:
        find_template("lama3")
    assert caught.value.findings[0].hint == "did you mean llama3?"
