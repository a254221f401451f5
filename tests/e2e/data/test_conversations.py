"""A row becomes the conversation that LLaMA-Factory's own converters make of it."""

import json
import shlex
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

from tests.e2e.site import Site
from tests.tuning.datasets.files import alpaca, messages, sharegpt
from tuning.datasets.check.layouts.detection import detect_layout
from tuning.datasets.check.layouts.formats import dataset_info_entry
from tuning.datasets.rows.conversation import conversation_of

IMAGE = "/opt/packtrain/llamafactory.sif"
PROGRAM = Path(__file__).with_name("converted_rows.py")

_HISTORY = [[], [["a", "b"]], [["a", "b"], ["c", "d"]], None]
_TEXTS = ("", "x\n", None)
ALPACA = [
    alpaca(instruction=instruction, input=query, output=output, system=system, history=history)
    for instruction, query, output, system, history in product(_TEXTS, _TEXTS, _TEXTS, _TEXTS, _HISTORY)
]
_ROLES = ("system", "user", "assistant", "tool", "function_call", "bot")
CHATS = [
    messages(*((role, text and f"{role} {number}") for number, role in enumerate(roles)), system=system)
    for length in range(1, 4)
    for roles in product(_ROLES, repeat=length)
    for system in ("", "Be brief.", None)
    for text in ("", "said")
]
SHAREGPT = [
    sharegpt(*zip(roles, "abcd", strict=True))
    for roles in product(("human", "gpt", "observation", "function_call"), repeat=4)
]


def test_every_row_is_what_llama_factory_makes_of_it(site: Site) -> None:
    cases = [(row, entry) for rows, model in _layouts() for entry in [_entry(model)] for row in rows]
    command = f"apptainer -s exec {IMAGE} python3 -c {shlex.quote(PROGRAM.read_text(encoding='utf-8'))}"
    done = subprocess.run(
        site.lab.ssh_command(command), input=json.dumps(cases), capture_output=True, text=True, check=True
    )
    theirs = json.loads(done.stdout)
    wrong = [(row, ours, their) for (row, entry), their in zip(cases, theirs, strict=True)
             if (ours := _ours(row, entry)) != (their if their["turns"] else None)]  # fmt: skip
    assert wrong == []
    assert 100 < sum(their["turns"] is not None for their in theirs) < len(cases) - 100


def _layouts() -> list[tuple[list[dict[str, Any]], dict[str, Any]]]:
    """Rows, and a good one with all of their columns."""
    return [
        (ALPACA, alpaca(system="", history=[])),
        (CHATS, messages(system="")),
        (SHAREGPT, sharegpt()),
    ]


def _entry(model: dict[str, Any]) -> dict[str, Any]:
    return dataset_info_entry(detect_layout([model]), list(model))


def _ours(row: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any] | None:
    found = conversation_of(row, entry)
    if found is None:
        return None
    return {"turns": [list(turn) for turn in found.turns], "system": found.system}
