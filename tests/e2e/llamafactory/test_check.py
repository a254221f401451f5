"""The check of a configuration, held against the LLaMA-Factory in the training image."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from container import image, schema
from container.image_program import run_program
from container.lab import models
from container.lab.namespace import Mount
from tests.tuning.llamafactory.rule_cases import CASES, MARKED, PLAIN, RANKED, SOUND, TEXT
from tests.tuning.llamafactory.seed_configs import EXPORT_OF_003, METHODS_OF_003, SEED_002, SEED_003, SEED_004
from tuning.llamafactory.arguments.accepted import Argument, load_schema
from tuning.llamafactory.arguments.bounds import bound_of, is_inside
from tuning.llamafactory.arguments.ownership import NOT_DONE, REFUSED, TAKEN_OVER
from tuning.llamafactory.arguments.paths import ADAPTERS, FILES, MAPPINGS, MODELS, AllowedPlaces
from tuning.llamafactory.config.check import CheckedConfig, ConfigContext, check_config
from tuning.llamafactory.config.deepspeed import PRESETS
from tuning.llamafactory.config.final import OwnedArguments, final_config
from tuning.llamafactory.kinds import KINDS, Kind
from tuning.llamafactory.rules import RULES, Rule

PROGRAM = Path(__file__).with_name("real_parser.py")
STARTER = Path(__file__).with_name("real_start.py")
PLACES = AllowedPlaces(roots=("/srv",))
BASE: dict[Kind, dict[str, Any]] = {
    "train": {"model_name_or_path": "/srv/m", "template": "llama3", "dataset": "a", "use_cpu": True},
    "predict": {"model_name_or_path": "/srv/m", "template": "llama3", "eval_dataset": "a", "use_cpu": True},
    "export": {"model_name_or_path": "/srv/m", "template": "llama3"},
}
OWNED = OwnedArguments("/tmp/nothing-here/output", "/tmp/nothing-here/data", ())
RANDOM_CASES = 500
# Not drawn at random: files that the parser opens, and numbers whose sense is the machine's.
NOT_DRAWN = {
    *MODELS,
    *ADAPTERS,
    *FILES,
    *MAPPINGS,
    *TAKEN_OVER,
    *REFUSED,
    *NOT_DONE,
    "dataset",
    "tf32",
    "full_determinism",
}


@dataclass(frozen=True)
class Case:
    """One configuration, what we say to it, and what the real parser is given."""

    kind: Kind
    config: dict[str, Any]
    processes: int
    checked: CheckedConfig

    @property
    def broken(self) -> list[Rule]:
        """The rows that we refuse it by."""
        messages = {finding.message for finding in self.checked.errors}
        return [rule for rule in RULES if f"{rule.message} [{rule.reference}]" in messages]

    @property
    def is_refused(self) -> bool:
        """Whether the real parser must refuse it: by a row that is no stricter, or by what is no row at all."""
        others = len(self.checked.errors) > len(self.broken)
        return others or any(not rule.stricter for rule in self.broken)

    def question(self) -> dict[str, Any]:
        """Question to the real parser; without a GPU and without torchrun it must not look for either."""
        final = final_config(self.checked, OWNED)
        is_distributed = self.processes > 1 or final.get("deepspeed") is not None
        on_cpu = {} if self.kind == "export" else {"use_cpu": True}
        return {"command": KINDS[self.kind].word, "is_distributed": is_distributed, "config": {**final, **on_cpu}}


def test_the_schema_is_the_real_parser() -> None:
    found = schema.schema_of(image.build("cpu"))
    file = schema.FOLDER / f"{found['llamafactory']}.json"
    assert schema.as_text(found) == file.read_text(), "run `make schema` and read what has changed"


def test_the_check_agrees_with_the_real_parser() -> None:
    cases = [*_from_the_table(), *_at_random(), *_of_the_seeds()]
    complaints = _ask([case.question() for case in cases])
    assert len(cases) > RANDOM_CASES
    assert _disagreements(cases, complaints) == []
    refused = sum(complaint is not None for complaint in complaints)
    assert 100 < refused < len(cases) - 100  # both answers are really asked for


def test_refused_arguments_fail_a_run_and_others_end_well(tmp_path: Path) -> None:
    """With a tiny model that is really loaded: the rows that are stricter than the parser are so for a reason."""
    refused = [case for case in _alone(CASES) if _is_tried(case)]
    passed = [case for case in _alone([("train", arguments, "") for arguments in SOUND]) if _is_at_hand(case)]
    mounts = [Mount(models.build(), "/models"), Mount(_data(tmp_path), "/data")]
    starts = json.dumps([_start(case) for case in [*refused, *passed]])
    said = json.loads(run_program(image.build("cpu"), STARTER, mounts=mounts, stdin=starts))
    assert len(refused) > 25
    assert [case.config for case, why in zip(refused, said[: len(refused)], strict=True) if why is None] == []
    assert len(passed) > 15
    assert [(case.config, why) for case, why in zip(passed, said[len(refused) :], strict=True) if why] == []


def test_what_the_parser_does_not_know_is_refused_by_both() -> None:
    wrong: list[tuple[Kind, dict[str, Any]]] = [
        ("train", {"lora_rnak": 8}),
        ("train", {"evaluation_strategy": "steps"}),
        ("export", {"learning_rate": 1e-4}),
        ("export", {"do_train": True}),
        ("train", {"lr_scheduler_type": "cosin"}),
        ("train", {"optim": "adam"}),
        ("train", {"eval_strategy": False}),
        ("train", {"finetuning_type": "qlora"}),
        ("train", {"eval_strategy": "step"}),
        ("train", {"save_strategy": "never"}),
    ]
    for kind, config in wrong:
        given = {**BASE[kind], **config}
        assert _check(kind, given).errors or _check(kind, given).notes, config
    questions = [
        {"command": KINDS[kind].word, "is_distributed": False, "config": {**BASE[kind], **config}}
        for kind, config in wrong
    ]
    assert [config for (_, config), said in zip(wrong, _ask(questions), strict=True) if said is None] == []


def _check(kind: Kind, config: dict[str, Any], processes: int = 1) -> CheckedConfig:
    return check_config(config, ConfigContext(PLACES, kind=kind, processes=processes))


def _ask(questions: list[dict[str, Any]]) -> list[str | None]:
    answer = run_program(image.build("cpu"), PROGRAM, stdin=json.dumps(questions))
    complaints: list[str | None] = json.loads(answer)
    return complaints


def _disagreements(cases: list[Case], complaints: list[str | None]) -> list[str]:
    return [
        f"{case.kind} {case.config} on {case.processes}: LLaMA-Factory says {complaint or 'yes'}, "
        f"we say {[finding.message for finding in case.checked.errors] or 'yes'}"
        for case, complaint in zip(cases, complaints, strict=True)
        if case.is_refused != (complaint is not None)
    ]


def _case(kind: Kind, config: dict[str, Any], processes: int) -> Case:
    return Case(kind, config, processes, _check(kind, {**BASE[kind], **config}, processes))


def _is_tried(case: Case) -> bool:
    """By rows that LLaMA-Factory itself would meet later than in its parser."""
    rows = case.broken
    return bool(rows) and all(rule.stricter and rule.reference != "packtrain" for rule in rows) and _is_at_hand(case)


def _is_at_hand(case: Case) -> bool:
    """Whether a machine with our packages, one process and no GPU has what the run needs."""
    warned = [finding.message for finding in case.checked.warnings]
    needs_packages = any("own training image does not hold" in message for message in warned)
    needs_more = {"reward_model", "adapter_name_or_path", "fsdp", "deepspeed"} & case.config.keys()
    return case.processes == 1 and not needs_packages and not needs_more


def _start(case: Case) -> dict[str, Any]:
    config = final_config(case.checked, OwnedArguments("", "/data", ()))
    short: dict[str, Any] = {"model_name_or_path": "/models/tiny-llama"}
    if case.kind == "train":
        tiny = {"per_device_train_batch_size": 1, "cutoff_len": 64, "max_steps": 2}
        tiny = {name: value for name, value in tiny.items() if name not in case.config}
        short |= {"dataset_dir": "/data", "plot_loss": False, **tiny}
    return {"command": KINDS[case.kind].word, "config": {**config, **short}}


def _data(folder: Path) -> Path:
    """Twenty rows that serve every form, under the names that the cases have."""
    row = {
        "instruction": "What is asked?",
        "input": "",
        "output": "What is answered.",
        "chosen": "yes",
        "rejected": "no",
    }
    rows = [{**row, "label": number % 2 == 0} for number in range(20)]
    (folder / "rows.json").write_text(json.dumps(rows))
    whole = {"prompt": "instruction", "query": "input"}
    columns: dict[str, dict[str, Any]] = {
        "plain": {"columns": {**whole, "response": "output"}},
        "ranked": {"ranking": True, "columns": {**whole, "chosen": "chosen", "rejected": "rejected"}},
        "marked": {"columns": {**whole, "response": "output", "kto_tag": "label"}},
        "text": {"columns": {"prompt": "instruction"}},
    }
    named = {**columns, "a": columns["plain"], "b": columns["plain"], "x": columns["plain"]}
    entries = {name: {"file_name": "rows.json", **entry} for name, entry in named.items()}
    (folder / "dataset_info.json").write_text(json.dumps(entries))
    folder.chmod(0o755)
    return folder


def _alone(table: list[tuple[Kind, dict[str, Any], str]]) -> Iterator[Case]:
    """Each row of a table by itself; data by the name of its form."""
    forms = {id(PLAIN): "plain", id(RANKED): "ranked", id(MARKED): "marked", id(TEXT): "text"}
    for kind, arguments, _ in table:
        if arguments.get("dataset", "a") is None or not arguments.get("is_counted", True):
            continue  # there is always data, and all of it is known here
        beside = ("processes", "entries", "has_untrained_history")
        given = _placed({name: value for name, value in arguments.items() if name not in beside})
        entries = arguments.get("entries", ())
        data = {"dataset": forms[id(entries)]} if id(entries) in forms else {}
        context = ConfigContext(PLACES, kind=kind, dataset_entries=dict(zip(data.values(), entries, strict=False)))
        checked = check_config({**BASE[kind], **given, **data}, context)
        yield Case(kind, {**given, **data}, arguments.get("processes", 1), checked)


def _from_the_table() -> Iterator[Case]:
    """Requests that break each row, and each row beside another that a seeded choice takes."""
    rows = [(kind, _placed(arguments)) for kind, arguments, _ in CASES if "entries" not in arguments]
    training = [arguments for kind, arguments in rows if kind == "train"]
    chosen = random.Random(3)  # noqa: S311  # the same cases each time
    pairs = [(kind, {**first, **chosen.choice(training)}) for kind, first in rows if kind == "train"]
    for kind, arguments in [*rows, *pairs]:
        given = {name: value for name, value in arguments.items() if name != "processes"}
        if given.get("dataset", "a") is not None:  # there is always one, or the job is refused
            yield _case(kind, given, arguments.get("processes", 1))


def _of_the_seeds() -> Iterator[Case]:
    """The documents' own settings, which everybody accepts."""
    methods = product(METHODS_OF_003.values(), ({}, *({"deepspeed": name} for name in PRESETS)))
    trained = [SEED_002, SEED_004, *({**SEED_003, **method, **zero} for method, zero in methods)]
    for config in trained:
        yield _case("train", {**config, **BASE["train"]}, 2)
    yield _case("export", {**EXPORT_OF_003, **BASE["export"], "adapter_name_or_path": "/srv/a"}, 1)


def _placed(arguments: dict[str, Any]) -> dict[str, Any]:
    """The same with paths that are allowed here."""
    return {
        name: ",".join(f"/srv{path}" for path in value.split(",")) if name in PLACED and value else value
        for name, value in arguments.items()
    }


PLACED = {*MODELS, *ADAPTERS, *FILES}


def _at_random() -> Iterator[Case]:
    chosen = random.Random(7)  # noqa: S311
    arguments = load_schema().arguments
    for _ in range(RANDOM_CASES):
        kind: Kind = chosen.choice(("train", "train", "predict", "export"))
        known = sorted(load_schema().taken_by(KINDS[kind].classes).keys() - NOT_DRAWN - KINDS[kind].fixed.keys())
        names = chosen.sample(known, chosen.randint(1, 6))
        config = {name: value for name in names if (value := _value(arguments[name], chosen)) is not None}
        yield _case(kind, config, chosen.choice((1, 1, 2)))


def _value(argument: Argument, chosen: random.Random) -> Any:
    """Some value that the argument may have; None where only a text of its own sense would do."""
    if argument.choices:
        return chosen.choice(argument.choices)
    if "bool" in argument.types:
        return chosen.choice((True, False))
    if "int" in argument.types:
        return _number(argument, (1, 2, 4, 8, 100), chosen)
    if "float" in argument.types:
        return _number(argument, (0.1, 0.5, 2.0, 10.0, 100.0), chosen)
    return None


def _number(argument: Argument, numbers: Sequence[float], chosen: random.Random) -> float:
    """Within our bounds: the parser itself has none."""
    bound = bound_of(argument.name)
    return chosen.choice([number for number in numbers if is_inside(bound, number)])
