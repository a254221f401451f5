"""Options of `packtrain submit` as the body of `POST /jobs`. Pure but for the configuration file and the jobs' ids."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from packtrain.cli.lookup.dataset_ids import find_dataset
from packtrain.cli.lookup.job_ids import find_job, find_jobs
from packtrain.cli.request.given_run import GivenText, read_text
from packtrain.config_file import parse_config
from packtrain.errors import Finding, InvalidInput
from packtrain.schema import JobFields, Resources

if TYPE_CHECKING:
    from packtrain.client import Packtrain

_DATASET_PREFIX = "ds_"
_SOLE_KEY = "value"


@dataclass(frozen=True)
class JobOptions:
    """The words of a command line, before anything is read or sent."""

    config_file: Path | None = None
    text: GivenText | None = None
    """A script or a command, in place of a configuration file."""
    model: str | None = None
    settings: tuple[str, ...] = ()
    """`key=value`, laid over the file; the value is read as YAML, as LLaMA-Factory would read it there."""
    data: tuple[str, ...] = ()
    """Ids of uploaded data sets, and files on this disk."""
    resources: tuple[tuple[str, str | int | None], ...] = ()
    kind: Literal["train", "export", "predict"] | None = None
    recipe: str | None = None
    source_job: str | None = None
    checkpoint: int | None = None
    depends_on: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    sbatch: tuple[str, ...] = ()
    """Further options of sbatch: NAME, or NAME=VALUE."""
    keep_checkpoints: int | None = None
    attempts: int | None = None
    """As many as it takes within so many, after its time limit too."""
    name: str | None = None
    tags: tuple[str, ...] = ()
    priority: int = 0
    held: bool = False


def local_files(data: Sequence[str]) -> list[Path]:
    """Files and folders to upload among the words of `--data`. Raises InvalidInput for one that is not there."""
    files = [Path(word) for word in data if not _is_id(word)]
    missing = [path for path in files if not (path.is_file() or path.is_dir())]
    if missing:
        hint = "give a file of rows, a folder of rows and media, or the id of an uploaded data set (ds_...)"
        raise InvalidInput([Finding(("--data",), f"there is no file {path}", hint) for path in missing])
    return files


def with_whole_ids(api: "Packtrain", options: JobOptions) -> JobOptions:
    """The options with whole ids in place of beginnings and @last. Raises InvalidInput."""
    return replace(
        options,
        source_job=find_job(api, options.source_job) if options.source_job is not None else None,
        depends_on=tuple(find_jobs(api, list(options.depends_on))),
        data=tuple(find_dataset(api, word) if _is_id(word) else word for word in options.data),
    )


def job_fields(options: JobOptions, uploaded: Sequence[str] = ()) -> JobFields:
    """The body of the request; `uploaded` are the ids of the local files, in their order. Raises InvalidInput.

    A configuration file goes as it stands, comments and all. When flags are laid over it, its text would no longer
    be what runs: then it goes as an object, and the server writes the YAML that is run.
    """
    fields: JobFields = {"priority": options.priority, "held": options.held, **_based_on(options)}
    fields |= _run_fields(options)
    ids = iter(uploaded)
    fields["datasets"] = [word if _is_id(word) else next(ids) for word in options.data]
    asked: dict[str, Any] = {key: value for key, value in options.resources if value is not None}
    if options.sbatch:
        asked["options"] = dict(_sbatch_option(word) for word in options.sbatch)
    fields["resources"] = cast(Resources, asked)
    if options.depends_on:
        fields["depends_on"] = list(options.depends_on)
    if options.secrets:
        fields["secrets"] = list(options.secrets)
    if options.environment:
        fields["environment"] = dict(_pair(word, "--env", "WANDB_PROJECT=mt") for word in options.environment)
    fields["tags"] = dict(_pair(tag, "--tag", "team=mt") for tag in options.tags)
    if options.name is not None:
        fields["name"] = options.name
    return fields


def overlay(options: JobOptions) -> dict[str, Any]:
    """The arguments that the words themselves say. Raises InvalidInput."""
    pairs = (_pair(word, "--set", "learning_rate=1e-4") for word in options.settings)
    said = {key: _value(key, text) for key, text in pairs}
    return {**({"model_name_or_path": options.model} if options.model is not None else {}), **said}


def _run_fields(options: JobOptions) -> JobFields:
    laid_over = overlay(options)
    if options.text is not None:
        return _text_fields(options.text, laid_over)
    if options.config_file is not None and not laid_over:
        return {"config_yaml": read_text(options.config_file)}
    has_recipe = options.recipe is not None
    return {"config": _laid_over(_file_values(options.config_file), laid_over, has_recipe=has_recipe)}


def _text_fields(given: GivenText, laid_over: dict[str, Any]) -> JobFields:
    if laid_over:
        hint = "write KEY=VALUE behind `llamafactory-cli train FILE`, or --KEY VALUE behind src/train.py"
        message = f"nothing is laid over a {given.form} with --set or --model"
        raise InvalidInput([Finding((next(iter(laid_over)),), message, hint)])
    text: JobFields = {"script": given.text} if given.form == "script" else {"command": given.text}
    return {**text, "files": given.files} if given.files else text


def _based_on(options: JobOptions) -> JobFields:
    """Fields that are said once or not at all; what was not said is not sent, so that a recipe may say it."""
    fields: JobFields = {}
    if options.kind is not None:
        fields["kind"] = options.kind
    if options.recipe is not None:
        fields["recipe"] = options.recipe
    if options.source_job is not None:
        fields["source_job"] = options.source_job
    if options.checkpoint is not None:
        fields["checkpoint"] = options.checkpoint
    if options.keep_checkpoints is not None:
        fields["keep_checkpoints"] = options.keep_checkpoints
    if options.attempts is not None:
        fields["continuation"] = {"max_attempts": options.attempts}
    return fields


def _file_values(path: Path | None) -> dict[str, Any]:
    return parse_config(read_text(path), (str(path),)) if path is not None else {}


def _laid_over(file: dict[str, Any], said: dict[str, Any], *, has_recipe: bool) -> dict[str, Any]:
    """null takes an argument of the file away; with a recipe the server must hear of it, whose argument it may be."""
    taken_away = {key for key, value in said.items() if value is None and key in file and not has_recipe}
    return {key: value for key, value in {**file, **said}.items() if key not in taken_away}


def _value(key: str, text: str) -> Any:
    pairs = parse_config(f"{_SOLE_KEY}: {text}", ("--set", key))
    if set(pairs) != {_SOLE_KEY}:
        raise InvalidInput([Finding(("--set", key), "must be one value", "give --set once for each key")])
    return pairs[_SOLE_KEY]


def _sbatch_option(word: str) -> tuple[str, str | bool]:
    """`exclusive`, `reservation=course`; in front of it may stand what sbatch wants there."""
    name, equals, value = word.removeprefix("--").partition("=")
    return name, value if equals else True


def _pair(word: str, option: str, example: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not key or not equals:
        raise InvalidInput([Finding((option,), f"`{word}` is no key=value", f"for example {option} {example}")])
    return key, value


def _is_id(word: str) -> bool:
    return word.startswith(_DATASET_PREFIX) and not Path(word).exists()
