"""What LLaMA-Factory's converters make of rows. Runs inside the training image; reads [[row, entry], ...]."""

import json
import logging
import sys
from types import SimpleNamespace
from typing import Any

from llamafactory.data.converter import get_dataset_converter
from llamafactory.data.parser import DatasetAttr


def converted(row: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """The turns, question and answer together, and the system text."""
    attributes = DatasetAttr("file", dataset_name="data")
    attributes.join(entry)
    made = get_dataset_converter(attributes.formatting, attributes, SimpleNamespace(media_dir="."))(row)
    turns = [[turn["role"], turn["content"]] for turn in made["_prompt"] + made["_response"]]
    is_kept = len(made["_prompt"]) % 2 == 1 and len(made["_response"]) == 1  # as processor/supervised.py asks
    return {"turns": turns if is_kept else None, "system": made["_system"] or ""}


logging.disable()
json.dump([converted(row, entry) for row, entry in json.load(sys.stdin)], sys.stdout)
