"""Command lines as launches of LLaMA-Factory: what starts it, with what, on how many GPUs. Pure.

Programs that only stand in front (srun, apptainer, env, nohup) are taken off; a shell in between hands over another
text, or another script, to be read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Literal, get_args

from tuning.llamafactory.commands.variables import is_read, left_open, why_open

Launcher = Literal["torchrun", "accelerate", "deepspeed"]

MOST_LAUNCHERS = 12
"""In front of each other."""

_SHELL_SCRIPTS = (".sh", ".bash", ".sbatch", ".slurm", ".job")
_SHELLS = frozenset({"bash", "sh", "zsh", "dash", "ksh"})
_LAUNCHERS: Mapping[str, Launcher] = {name: name for name in get_args(Launcher)}
_LLAMAFACTORY = frozenset({"llamafactory-cli", "lmf"})
_PYTHON = re.compile(r"python(3(\.[0-9]{1,2})?)?")
_IN_FRONT: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        ("exec", "nohup", "time", "command", "env", "sudo", "nice", "ionice", "stdbuf", "timeout", "numactl", "taskset",
         "setsid", "unbuffer", "srun", "salloc", "mpirun", "mpiexec", "builtin", "nsys", "flock"),
        frozenset(),
    ),
    **dict.fromkeys(("apptainer", "singularity"), frozenset({"exec", "run"})),
    **dict.fromkeys(("docker", "podman", "nerdctl"), frozenset({"run", "exec"})),
    **dict.fromkeys(("conda", "mamba", "micromamba", "poetry", "uv", "pipenv", "pixi", "rye"), frozenset({"run"})),
    "enroot": frozenset({"start"}),
}  # fmt: skip
"""Programs that start another one, with the words that must follow for it."""
_COMMAND = "llamafactory-cli"
"""The program that takes the word from its first argument."""
_SCRIPTS: Mapping[str, str] = {
    "train.py": "train", "train_bash.py": "train", "launcher.py": "train", "export_model.py": "export",
    "cli_demo.py": "chat", "api.py": "api", "api_demo.py": "api", "webui.py": "webui", "web_demo.py": "webchat",
    "train_web.py": "webui", "evaluate.py": "eval", "cli.py": _COMMAND,
}  # fmt: skip
"""LLaMA-Factory's own programs in src/, of older versions too, and the words they stand for."""
_MODULES: Mapping[str, str] = {
    "llamafactory.launcher": "train", "llamafactory.train.tuner": "train", "llmtuner.launcher": "train",
}  # fmt: skip
_LAUNCHER_MODULES: Mapping[str, tuple[str, ...]] = {
    "torch.distributed.run": ("torchrun",), "torch.distributed.launch": ("torchrun",),
    "accelerate.commands.launch": ("accelerate", "launch"), "deepspeed.launcher.runner": ("deepspeed",),
    "deepspeed": ("deepspeed",), "llamafactory.cli": ("llamafactory-cli",), "llamafactory": ("llamafactory-cli",),
}  # fmt: skip
_DEBUGGERS = frozenset({"debugpy", "pdb", "ipdb", "cProfile"})
"""Modules that run the program behind their own options."""
_OWN_FOLDER = re.compile(r"src|llamafactory|llmtuner|\.{1,2}|.*llama[-_]?factory.*", re.IGNORECASE)
_OWN_FLAGS = frozenset({"--stage", "--finetuning_type", "--template"})
"""By two of them LLaMA-Factory's own train.py is known, in whatever folder it lies."""
_ENVIRONMENT = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)", re.DOTALL)
_WRITE_OUT = "write out the line as it would be run, with src/train.py or llamafactory-cli in it"


@dataclass(frozen=True)
class Launch:
    """A start of LLaMA-Factory."""

    word: str
    """What it is told to do: train, export, chat, ..."""
    arguments: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    """Those of the launcher, by their names with underscores."""
    launcher: Launcher | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that stand in the command line itself."""
    slurm_words: tuple[str, ...] = ()
    """Options of srun, salloc, sbatch."""


@dataclass(frozen=True)
class InnerText:
    """A shell text that stands in a command line: `bash -c "..."`."""

    text: str
    arguments: tuple[str, ...] = ()
    slurm_words: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InnerScript:
    """A script that a command line starts: `bash train.sh`, `sbatch train.sbatch`."""

    name: str
    arguments: tuple[str, ...] = ()
    slurm_words: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InnerInput:
    """A shell that reads what it is to do: `bash <<EOF`."""

    slurm_words: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Unreadable:
    """A launcher whose program cannot be made out."""

    reason: str
    hint: str


Found = Launch | InnerText | InnerScript | InnerInput | Unreadable


def find_launch(words: Sequence[str]) -> Found | None:
    """Start of LLaMA-Factory or of another text by a command line; None for other programs."""
    environment: dict[str, str] = {}
    slurm_words: tuple[str, ...] = ()
    rest = list(words)
    for _ in range(MOST_LAUNCHERS):
        while rest and (found := _ENVIRONMENT.fullmatch(rest[0])):
            environment[found["name"]] = found["value"]
            rest = rest[1:]
        if not rest:
            return None
        if (ahead := _behind(rest)) is None:
            return _with_surroundings(_started(rest) or _left_open(rest), environment, slurm_words)
        between = rest[1:ahead]
        if _program(rest[0]) in ("srun", "salloc"):
            slurm_words += tuple(between)
        environment |= dict(_environment_between(between))
        rest = rest[ahead:]
    return None


def starts_programs(word: str) -> bool:
    """Whether it is an interpreter or a launcher, which starts what its words name."""
    return _program(word) in _LAUNCHERS or _PYTHON.fullmatch(_program(word)) is not None


def options_of(words: Sequence[str]) -> dict[str, str]:
    """The options among a launcher's words, by name; one without a value has an empty text."""
    found: dict[str, str] = {}
    for word, following in pairwise([*words, "-"]):
        if word.startswith("-"):
            name, equals, value = word.lstrip("-").partition("=")
            is_value = not equals and not following.startswith("-")
            found[name.replace("-", "_")] = value if equals else following if is_value else ""
    return found


def _program(word: str) -> str:
    return PurePosixPath(word).name if is_read(word) or "/" in word else word


def _behind(words: Sequence[str]) -> int | None:
    """Place of the program behind one that only starts another."""
    program = _program(words[0])
    needed = _IN_FRONT.get(program)
    if needed is None or (needed and not needed.intersection(words[1:4])):
        return None
    first = 1 + next((place for place, word in enumerate(words[1:4], 1) if word in needed), 0)
    if program in ("command", "builtin", "exec"):
        return 1 if len(words) > 1 else None
    return next((place for place, word in enumerate(words[first:], first) if _is_program(word)), None)


def _is_program(word: str) -> bool:
    program = _program(word)
    starts = _SHELLS | _LLAMAFACTORY | _IN_FRONT.keys() | _LAUNCHERS.keys() | {"sbatch"}
    is_script = program.endswith(_SHELL_SCRIPTS) and is_read(program)
    return ":" not in word and (program in starts or is_script or _PYTHON.fullmatch(program) is not None)


def _environment_between(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Variables that are set on the way: `env A=1,2`, `docker run -e A=1`, `mpirun -x A=1`."""
    for before, word in pairwise(["", *words]):
        listed = word.startswith("--env=") or before == "--env"  # apptainer's: A=1,B=2
        for part in re.split(r",(?=[A-Za-z_]\w*=)", word.removeprefix("--env=")) if listed else (word,):
            if found := _ENVIRONMENT.fullmatch(part):
                yield found["name"], found["value"]


def _with_surroundings(
    found: Found | None, environment: Mapping[str, str], slurm_words: tuple[str, ...]
) -> Found | None:
    if found is None or isinstance(found, Unreadable):
        return found
    words = (*found.slurm_words, *slurm_words)
    return replace(found, environment={**environment, **found.environment}, slurm_words=words)


def _left_open(words: Sequence[str]) -> Unreadable | None:
    """The program, where it is in a variable that the text does not set."""
    is_open = not is_read(words[0]) or (_program(words[0]) in _IN_FRONT and not all(map(is_read, words)))
    if not is_open:
        return None
    name = left_open(next(word for word in words if not is_read(word)))
    return Unreadable(f"what is started here cannot be read: {why_open(name)}", _WRITE_OUT)


def _started(words: Sequence[str]) -> Found | None:
    """Start by a program that stands at the front."""
    program, rest = _program(words[0]), words[1:]
    if program in _LAUNCHERS:
        return _launched(_LAUNCHERS[program], rest[1:] if program == "accelerate" else rest)
    if _PYTHON.fullmatch(program):
        return _python(rest)
    if program in _LLAMAFACTORY:
        return _own_program(program, rest)
    return _shell_text(words, program)


def _shell_text(words: Sequence[str], program: str) -> Found | None:
    rest = words[1:]
    if program == "eval":
        return InnerText(" ".join(rest))
    if program in _SHELLS:
        return _shell(rest)
    if program == "sbatch":
        return _sbatch(rest)
    is_script = program.endswith(_SHELL_SCRIPTS) and is_read(program)
    return InnerScript(words[0], tuple(rest)) if is_script else None


def _shell(words: Sequence[str]) -> Found | None:
    for place, word in enumerate(words):
        if word.startswith("-") and not word.startswith("--") and word.endswith("c"):
            following = words[place + 1 : place + 2]
            # what stands behind the text is $0, $1, ...
            return InnerText(following[0], tuple(words[place + 3 :])) if following else None
        if not word.startswith(("-", "+")):
            return InnerScript(word, tuple(words[place + 1 :]))
    return InnerInput()


def _sbatch(words: Sequence[str]) -> Found | None:
    options = options_of(words)
    if options.get("wrap"):
        return InnerText(options["wrap"], slurm_words=tuple(word for word in _without_wrap(words)))
    place = next((place for place, word in enumerate(words) if word.endswith(_SHELL_SCRIPTS)), None)
    if place is None:
        return None
    return InnerScript(words[place], tuple(words[place + 1 :]), slurm_words=tuple(words[:place]))


def _without_wrap(words: Sequence[str]) -> Iterator[str]:
    is_text = False
    for word in words:
        if not is_text and not word.startswith("--wrap"):
            yield word
        is_text = word == "--wrap"


def _python(words: Sequence[str]) -> Found | None:
    for place, word in enumerate(words):
        rest = list(words[place + 1 :])
        if word == "-m" and rest:
            return _module(rest[0], rest[1:])
        if word in ("-c", "-"):
            return None
        if not word.startswith("-"):
            return _own_program(word, rest)
    return None


def _own_program(path: str, rest: Sequence[str]) -> Launch | None:
    """A start of LLaMA-Factory's own program."""
    known = script_word(path, rest)
    if known == _COMMAND:
        return Launch(rest[0], tuple(rest[1:])) if rest else None
    return Launch(known, tuple(rest)) if known is not None else None


def _module(name: str, rest: Sequence[str]) -> Found | None:
    if name in _DEBUGGERS:
        starts = (_own_program(word, rest[place + 1 :]) for place, word in enumerate(rest) if word.endswith(".py"))
        return next((found for found in starts if found is not None), None)
    if name in _LAUNCHER_MODULES:
        return _started([*_LAUNCHER_MODULES[name], *rest])
    return Launch(_MODULES[name], tuple(rest)) if name in _MODULES else None


def script_word(path: str, arguments: Sequence[str] = ()) -> str | None:
    """Word of a program of LLaMA-Factory's: `src/train.py` trains. None for programs of others."""
    if _program(path) in _LLAMAFACTORY:
        return _COMMAND
    parts = PurePosixPath(path).parts
    own = len(parts) < 2 or not is_read(parts[-2]) or _OWN_FOLDER.fullmatch(parts[-2]) is not None
    own = own or parts[-1] == "train_bash.py" or len(_OWN_FLAGS.intersection(arguments)) > 1
    return _SCRIPTS.get(parts[-1]) if parts and own else None


def _launched(launcher: Launcher, words: Sequence[str]) -> Found | None:
    """The program behind a launcher's own options (and behind the word `launch` of accelerate's)."""
    for place, word in enumerate(words):
        before, rest = words[:place], words[place + 1 :]
        is_module = word in ("-m", "--module") and bool(rest)
        found = _module(rest[0], rest[1:]) if is_module else None if word.startswith("-") else _own_program(word, rest)
        if isinstance(found, Launch):
            return replace(found, options=options_of(before), launcher=launcher)
        if is_module or (word.endswith(".py") and not word.startswith("-")):
            return None
    if any(not is_read(word) for word in words):
        return Unreadable(f"which program {launcher} starts cannot be read", _WRITE_OUT)
    return None
