"""Run in the words of a command line: a configuration file, a batch script, or the line that would start it."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packtrain.errors import Finding, InvalidInput

MAX_CHARACTERS = 64 * 1024
"""Of one file; the server takes no larger ones."""
MAX_FILES = 20

_SCRIPT_ENDS = frozenset({".sbatch", ".sh", ".bash", ".slurm", ".job"})
_NAMED = re.compile(r"[^\s'\"=;|&<>()`:,]+\.(?:ya?ml|json|sbatch|sh|bash|slurm|job)(?![\w.-])")


@dataclass(frozen=True)
class GivenText:
    """A batch script or a command line, which the server reads."""

    form: Literal["script", "command"]
    text: str
    files: dict[str, str]
    """Texts of the files that it names and that lie here, by the names that it has for them."""


def given_run(words: Sequence[str]) -> Path | GivenText:
    """The configuration file or the text in the words of a command line. Raises InvalidInput.

    Several words, or one with blanks in it, are a command; a lone word is a file, by whose name or first characters a
    script is known.
    """
    path = Path(words[0])
    if len(words) > 1 and path.suffix in (".yaml", ".yml"):
        hint = f"lay arguments over a file with --set, or write -- llamafactory-cli train {words[0]} ..."
        raise InvalidInput([Finding((words[1][:80],), "one configuration file is taken, and nothing behind it", hint)])
    if len(words) > 1 or " " in words[0].strip():
        command = shlex.join(words) if len(words) > 1 else words[0]
        return GivenText("command", command, _named_files(command, [Path()]))
    if not path.is_file() or not _is_script(path):
        return path
    script = read_text(path)
    return GivenText("script", script, _named_files(script, [path.parent, Path()]))


def read_text(path: Path) -> str:
    """A file's text. Raises InvalidInput."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        finding = Finding((str(path), line), "is not UTF-8 text", "save the file as UTF-8")
        raise InvalidInput([finding]) from error
    except OSError as error:
        raise InvalidInput([Finding((str(path),), f"cannot be read: {error.strerror}")]) from error


def _is_script(path: Path) -> bool:
    if path.suffix in _SCRIPT_ENDS:
        return True
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _named_files(text: str, folders: Sequence[Path]) -> dict[str, str]:
    """The files that a text names, and those that the scripts among them name."""
    files: dict[str, str] = {}
    waiting = [text]
    while waiting:
        for name, path in _found(waiting.pop(), folders):
            if name not in files and len(files) < MAX_FILES:
                files[name] = read_text(path)
                waiting += [files[name]] if path.suffix in _SCRIPT_ENDS else []
    return files


def _found(text: str, folders: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Names in a text, and the files: where the text has them, or beside the script where it speaks of other places."""
    for match in _NAMED.finditer(text):
        # the folder may be in a variable; the server finds a file by its last part as well
        name = match.group() if "$" not in match.group() else match.group().rpartition("/")[2]
        if "$" in name or "{" in name:
            continue
        places = [folder / part for part in (name, Path(name).name) for folder in folders]
        path = next((path for path in (Path(name).expanduser(), *places) if _is_small_file(path)), None)
        if path is not None:
            yield name, path


def _is_small_file(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size <= MAX_CHARACTERS
    except OSError:
        return False
