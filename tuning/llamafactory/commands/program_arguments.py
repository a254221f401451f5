"""Arguments of LLaMA-Factory's program as a configuration: a YAML file, `key=value` and `--key value`. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuning.errors import Finding, InvalidInput
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.llamafactory.arguments.ownership import TAKEN_OVER
from tuning.llamafactory.commands.slurm_options import Remark
from tuning.llamafactory.commands.variables import is_read, left_open, open_hint, shown, why_open
from tuning.llamafactory.commands.written_files import Lookup, WrittenFile
from tuning.llamafactory.config.deepspeed import preset, preset_elsewhere
from tuning.llamafactory.config.yaml_text import parse_yaml

MAX_ARGUMENTS = 400
_MOST_PARTS = 10
"""Of a key with dots."""
_CONFIG_ENDS = (".yaml", ".yml", ".json")
_SOLE_KEY = "value"
_PAIR = re.compile(r"\+{0,2}(?P<key>[A-Za-z_][\w.-]*)=(?P<value>.*)", re.DOTALL)
_FLAG = re.compile(r"--?(?P<key>[A-Za-z_][\w-]*)(?:=(?P<value>.*))?", re.DOTALL)
_MORE_THAN_TEXT = re.compile(r"[-+.0-9\[{~].*|true|false|yes|no|on|off|null", re.IGNORECASE)
_LEFT_OUT: Mapping[str, str] = {
    **TAKEN_OVER,
    "run_name": "the job's name stands for it",
    "node_rank": "the batch script finds it from Slurm",
    "local-rank": "the launcher sets it",
}
"""Arguments that a run can do without where their values are known on a node only."""
_ANOTHER_NAME = {"config", "config_file", "config_path"}
"""Flags that people put before the configuration's file."""


@dataclass
class GivenArguments:
    """The configuration that a command line gives, and what is said about it."""

    line: int
    config: dict[str, Any] = field(default_factory=dict)
    file: str | None = None
    """The configuration's file, as the line names it."""
    remarks: list[Remark] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    """Findings inside files."""

    def refuse(self, message: str, hint: str | None = None) -> None:
        """Say why the training cannot be read."""
        self.remarks.append(Remark(self.line, message, hint, is_error=True))


def read_arguments(words: Sequence[str], line: int, lookup: Lookup) -> GivenArguments:
    """The configuration in the words behind `llamafactory-cli train`, or behind `src/train.py`."""
    given = GivenArguments(line)
    if len(words) > MAX_ARGUMENTS * 2:
        given.refuse(f"{len(words)} words; {MAX_ARGUMENTS * 2} are read", "put them into a YAML file")
        return given
    overrides: dict[str, Any] = {}
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        if found := _FLAG.fullmatch(word):
            _take_flag(found, waiting, overrides, given)
        elif found := _PAIR.fullmatch(word):
            _put(overrides, found["key"].split("."), _typed(found["value"]), given)
        else:
            _take_word(word, given)
    if given.file is not None:
        given.config = _file_config(given.file, lookup, given)
    _lay_over(given.config, overrides)
    _leave_out_unread(given)
    _inline_deepspeed(given, lookup)
    return given


def _take_flag(found: re.Match[str], waiting: list[str], overrides: dict[str, Any], given: GivenArguments) -> None:
    key, values = found["key"].replace("-", "_"), [found["value"]] if found["value"] is not None else []
    while found["value"] is None and waiting and not _FLAG.fullmatch(waiting[-1]):
        if values and (_PAIR.fullmatch(waiting[-1]) or waiting[-1].endswith(_CONFIG_ENDS)):
            break
        values.append(waiting.pop())
    if key in _ANOTHER_NAME and len(values) == 1:
        _take_word(values[0], given)
    elif key.startswith("no_") and not values and key not in load_schema().arguments:
        overrides[key.removeprefix("no_")] = False
    else:
        typed = [_typed(value) for value in values]
        overrides[key] = True if not typed else typed[0] if len(typed) == 1 else values


def _take_word(word: str, given: GivenArguments) -> None:
    if given.file is None and word.endswith(_CONFIG_ENDS):
        given.file = word
    elif not is_read(word):
        open_part = left_open(word)
        given.refuse(f"the argument {shown(word)[:200]} cannot be read: {why_open(open_part)}", open_hint(open_part))
    elif word.strip():
        given.refuse(f"`{shown(word)[:80]}` cannot be read as an argument", "write key=value, or --key value")


def _typed(text: str) -> Any:
    """A value by YAML's rules where it is more than text; the checker does the rest (arguments.coercion)."""
    if not text:
        return None
    if not _MORE_THAN_TEXT.fullmatch(text):
        return text
    try:
        read = parse_yaml(f"{_SOLE_KEY}: {text}")
    except InvalidInput:
        return text
    value = read.get(_SOLE_KEY)
    return text if isinstance(value, str) or len(read) > 1 else value


def _put(overrides: dict[str, Any], parts: Sequence[str], value: Any, given: GivenArguments) -> None:
    """`a.b=1` as OmegaConf reads it: a mapping inside."""
    inside = overrides
    if len(parts) > _MOST_PARTS:
        given.refuse(f"`{'.'.join(parts)[:80]}` has more than {_MOST_PARTS} parts")
        return
    for part in parts[:-1]:
        following = inside.get(part)
        inside[part] = inside = following if isinstance(following, dict) else {}
    inside[parts[-1]] = value


def _lay_over(config: dict[str, Any], overrides: Mapping[str, Any]) -> None:
    for key, value in overrides.items():
        before = config.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            _lay_over(before, value)
        else:
            config[key] = value


def _file_config(name: str, lookup: Lookup, given: GivenArguments) -> dict[str, Any]:
    if not is_read(name) and lookup(name) is None:
        open_part = left_open(name)
        given.refuse(f"the configuration is {shown(name)[:200]}: {why_open(open_part)}", open_hint(open_part))
        return {}
    file = lookup(name)
    if file is not None and file.made_of is not None:
        hint = f"give its text in `files` under {shown(file.made_of)[:200]!r}"
        given.refuse(
            f"the configuration {shown(name)[:200]} is made of {shown(file.made_of)[:200]}, which is not given", hint
        )
        return {}
    if file is not None and file.made_by is not None:
        hint = "give the file as it should be, and write key=value behind `llamafactory-cli train FILE`"
        given.refuse(f"the configuration {shown(name)[:200]} is made by `{file.made_by}`, which is not run", hint)
        return {}
    if file is None:
        hint = (
            f"give its text in `files` under {shown(name)[:200]!r}; `packtrain submit` sends a file that lies beside "
            "the script or below the folder it is called in, and one of the cluster's LLaMA-Factory checkout is read "
            "there, by its path from the checkout's top"
        )
        given.refuse(f"the configuration {shown(name)[:200]} is not given", hint)
        return {}
    try:
        return parse_yaml(file.text)
    except InvalidInput as error:
        given.findings += [_inside(finding, name, file) for finding in error.findings]
        return {}


def _inside(finding: Finding, name: str, file: WrittenFile) -> Finding:
    """A finding of the YAML reader's, at its place in the file."""
    below = finding.loc[1:]
    *place, first = file.place
    place = [*place, int(first) + below[0] - 1, *below[1:]] if below and isinstance(below[0], int) else list(file.place)
    return Finding(tuple(place), f"{shown(name)[:200]}: {finding.message}", finding.hint, finding.severity)


def _leave_out_unread(given: GivenArguments) -> None:
    """Leave out values that are known on a node only, where that does no harm; refuse the others."""
    for key, value in list(given.config.items()):
        text = json.dumps(value, default=str, ensure_ascii=False)
        if is_read(text):
            continue
        del given.config[key]
        name = left_open(text)
        if reason := _LEFT_OUT.get(key):
            given.remarks.append(Remark(given.line, f"{key} is left out, as it holds {name}: {reason}"))
        else:
            given.refuse(f"{key[:80]} cannot be read: {why_open(name)}", open_hint(name))


def _inline_deepspeed(given: GivenArguments, lookup: Lookup) -> None:
    """A DeepSpeed file that is given goes into the configuration: on the cluster it is not."""
    name = given.config.get("deepspeed")
    if not isinstance(name, str) or preset(name) is not None:
        return
    file = lookup(name)
    if file is None and preset_elsewhere(name) is not None:
        return
    if file is None:
        # LLaMA-Factory's own lie in the cluster's checkout; an absolute path is the checker's to judge
        if name.endswith(".json") and not name.startswith(("/", "examples/", "./examples/")):
            hint = "give its text in `files` under this name, or write deepspeed=zero2, zero3, zero3_offload"
            given.refuse(f"DeepSpeed's file {shown(name)[:200]} is not given", hint)
        return
    try:
        given.config["deepspeed"] = parse_yaml(file.text)  # JSON is YAML; and numbers are held to its bounds
    except InvalidInput as error:
        given.findings += [_inside(finding, name, file) for finding in error.findings]
