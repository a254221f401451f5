"""Local data files of a request: uploaded when the rest of it is sound, and removed where nothing came of it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packtrain.cli.commands.datasets.listing import store
from packtrain.cli.request.job_request import JobOptions, job_fields, local_files
from packtrain.cli.screen import note
from packtrain.errors import Finding, InvalidInput, PacktrainError, finding_of

if TYPE_CHECKING:
    from packtrain.client import Packtrain

_STAND_IN = f"ds_{'0' * 20}"
"""No data set has this id: the request is judged as one that has data, which is missed by its own name."""
_OF_DATA = frozenset({"datasets", "dataset", "eval_dataset"})
"""Places of findings that the data itself may settle: a configuration names uploads by their names."""


def require_readable(api: "Packtrain", options: JobOptions) -> None:
    """Raises InvalidInput for a file that cannot be laid over, with all that the server has against the rest."""
    try:
        job_fields(options, [_STAND_IN] * len(options.data))
    except InvalidInput as error:
        if options.config_file is None:
            raise
        plain = replace(options, settings=(), model=None)
        validation = api.validate(**job_fields(plain, [_STAND_IN] * len(options.data)))
        beside = [finding_of(entry) for entry in validation["errors"] if "config_yaml" not in entry["loc"]]
        raise InvalidInput([*error.findings, *_but_for_data(beside)]) from error


def require_sound(api: "Packtrain", options: JobOptions) -> None:
    """Raises InvalidInput for all that is wrong with a request but for its data, of which nothing is sent yet."""
    files = local_files(options.data)
    validation = api.validate(**job_fields(options, [_STAND_IN] * len(files)))
    findings = [finding_of(entry) for entry in validation["errors"]]
    if wrong := _but_for_data(findings):
        raise InvalidInput(wrong)


def _but_for_data(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if not _OF_DATA.intersection(finding.loc)]


@contextmanager
def uploaded(api: "Packtrain", files: Sequence[Path], *, for_a_while: bool = False) -> Iterator[list[str]]:
    """The ids of the files' data sets, which are removed where nothing came of them; at the end where it is so meant.

    A data set that a job uses stays, whatever the client has heard of the job: the server refuses to remove it.
    """
    ids: list[str] = []
    is_kept = False
    try:
        for path in files:
            ids.append(store(api, path)["id"])
        yield ids
        is_kept = not for_a_while
    finally:
        if not is_kept:
            _remove(api, ids)


def _remove(api: "Packtrain", ids: Sequence[str]) -> None:
    for data in ids:
        try:
            api.delete_dataset(data)
        except PacktrainError as error:
            note(f"{data} could not be removed: {error}")
