"""Write LLaMA-Factory's chat templates as JSON to stdout. Runs inside the training image.

What a template does is code there; what it writes is data: the pieces around each turn. That data is all we take.
"""

import json
import sys
from importlib.metadata import version
from typing import Any

from llamafactory.data.template import TEMPLATES

FORMATS = ("prefix", "system", "user", "assistant", "function", "observation")
PLAIN = ("default_system", "stop_words", "thought_words", "tool_call_words", "efficient_eos", "replace_eos")


def piece(slot: Any) -> Any:
    """A text, the name of a token, or which of the tokenizer's own tokens."""
    if isinstance(slot, set):
        (name,) = slot
        return {"special": name}
    return slot


def described(template: Any) -> dict[str, Any]:
    """One template."""
    return {
        "class": type(template).__name__,
        **{name: [piece(slot) for slot in getattr(template, f"format_{name}").slots] for name in FORMATS},
        **{name: getattr(template, name) for name in PLAIN},
        "tool_format": template.format_tools.tool_format,
        "function_format": template.format_function.tool_format,
        "plugin": type(template.mm_plugin).__name__,
    }


templates = {name: described(template) for name, template in TEMPLATES.items()}
whole = {"llamafactory": version("llamafactory"), "templates": templates}
json.dump(whole, sys.stdout, ensure_ascii=False, indent=1)
sys.stdout.write("\n")
