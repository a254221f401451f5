"""datasets: upload, list, show, delete."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packtrain.cli.commands.arguments import AsJson, Limit, connect
from packtrain.cli.lookup.completion import complete_datasets
from packtrain.cli.lookup.dataset_ids import find_dataset
from packtrain.cli.request.dataset_entry import read_entry
from packtrain.cli.request.folder_tar import one_file
from packtrain.cli.screen import byte_bar, listing, note, now, say, say_json
from packtrain.cli.text.terminal_words import finding_lines
from packtrain.cli.text.units import age, size
from packtrain.errors import finding_of
from packtrain.schema import Dataset, DatasetReport

if TYPE_CHECKING:
    from packtrain.client import Packtrain

_FATE = {"dropped": "left out", "kept": "trained on all the same", "job_fails": "on which the job would fail"}
Entry = Annotated[
    str | None,
    typer.Option(metavar="ENTRY", help="Its dataset_info.json entry: JSON, FILE or FILE#NAME. By default found out."),
]
DatasetId = Annotated[
    str,
    typer.Argument(
        metavar="DATASET", help="A data set's id, ds_..., or the beginning of it.", autocompletion=complete_datasets
    ),
]


def upload(
    file: Annotated[
        Path, typer.Argument(exists=True, help="Rows of a form that the guide lists; or a folder of rows and media.")
    ],
    name: Annotated[str | None, typer.Option(help="What people call it; by default the file's name.")] = None,
    purpose: Annotated[
        str | None, typer.Option(help="sft, ranking, kto or pretrain, where its columns serve several.")
    ] = None,
    entry: Entry = None,
    as_json: AsJson = False,
) -> None:
    """Store a data file; prints its id.

    \b
    packtrain datasets upload chats.json --name "support chats"
    packtrain datasets upload wmt.json --entry dataset_info.json#wmt
    packtrain datasets upload cups/          a folder (or tar, or zip) with rows.jsonl and the images that it names
    Configurations name it by its name or its id, as dataset or eval_dataset.
    """
    entry_name, read = read_entry(entry)
    with connect() as api:
        dataset = store(api, file, name or entry_name, purpose, read)
    if as_json:
        say_json(dataset)
    else:
        say(dataset["id"])


def list_datasets(
    after: Annotated[str | None, typer.Option(metavar="CURSOR", help="The next page, as the last one said.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List data sets, newest first."""
    with connect() as api:
        page = api.datasets(limit=limit, after=after)
    if as_json:
        say_json(page)
        return
    moment = now()
    listing(
        "data sets",
        ("DATASET", "NAME", "FORMAT", "PURPOSE", "ROWS", "SIZE", "AGE", "STATUS"),
        [_row(dataset, moment) for dataset in page["data"]],
    )
    if page["has_more"]:
        note(f"there are more: --after {page['next']}")


def show(
    dataset: DatasetId,
    cutoff_len: Annotated[
        int | None, typer.Option(min=1, help="Count the rows that are longer than a job's cutoff_len.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one data set, which rows are not trained on, and what they consist of."""
    with connect() as api:
        dataset = find_dataset(api, dataset)
        found = api.dataset(dataset)
        is_asked = found["status"] == "ready" and not as_json
        report = api.dataset_report(dataset, cutoff_len=cutoff_len) if is_asked else None
    if as_json:
        say_json(found)
        return
    for line in [_head(found), *(report_lines(report) if report else standing_lines(found))]:
        say(line)


def delete(dataset: DatasetId) -> None:
    """Forget a data set.

    Refused while a job that has not ended trains on it.
    """
    with connect() as api:
        dataset = find_dataset(api, dataset)
        api.delete_dataset(dataset)
    note(f"{dataset} is deleted")


def report_lines(report: DatasetReport) -> list[str]:
    """Lines of a data set's report: the use that LLaMA-Factory would make of its rows, in words."""
    use = "predicted" if report.get("purpose") == "questions" else "trained"
    lines = [f"  {report['kept']} of {report['rows']} rows are {use} on"]
    for problem in report["problems"]:
        rows = f"{problem['rows']} {'row' if problem['rows'] == 1 else 'rows'} {_FATE[problem['outcome']]}"
        lines += [f"  {rows}: {problem['message']}", f"    -> {problem['hint']}"]
        lines += [f"    line {place['line']}: {place['detail']}".removesuffix(": ") for place in problem["places"]]
    if report["unused_columns"]:
        lines.append(f"  columns that are not read: {', '.join(report['unused_columns'])}")
    return lines + _contents(report)


def standing_lines(dataset: Dataset) -> list[str]:
    """Lines on the status of a data set that is not ready, and the reason."""
    if dataset["status"] == "checking":
        return [f"  being checked on {dataset['cluster']} by {dataset['check_job']}"]
    findings = [finding_of(entry) for entry in dataset["findings"] or ()]
    return ["  refused:", *(f"  {line}" for finding in findings for line in finding_lines(finding))]


def _contents(report: DatasetReport) -> list[str]:
    lines = []
    repeats, scripts, cut = report["repeats"], report["scripts"], report["truncation"]
    if repeats and repeats["repeated"]:
        lines.append(f"  {repeats['repeated']} of {repeats['compared']} rows say what an earlier one says")
    if scripts and scripts["shares"]:
        shares = ", ".join(f"{each['script']} {each['share']:.0%}" for each in scripts["shares"][:5])
        lines.append(f"  letters: {shares}")
    if cut:
        least, most = cut["rows_at_least"], cut["rows_at_most"]
        rows = str(least) if least == most else f"{least} to {most}"
        lines.append(f"  longer than {cut['cutoff_len']} {cut['unit']}, and cut there: {rows} rows")
    return lines


def store(
    api: "Packtrain",
    path: Path,
    name: str | None = None,
    purpose: str | None = None,
    entry: Mapping[str, Any] | None = None,
) -> Dataset:
    """Upload a data file, or a folder, with a bar on stderr."""
    with one_file(path) as file, byte_bar(file.stat().st_size) as moved:
        sent, size_bytes = 0, file.stat().st_size

        def count(piece: int) -> None:
            nonlocal sent
            sent += piece
            moved(file.name, sent)

        dataset = api.upload_dataset(file, name=name, purpose=purpose, entry=entry, on_bytes=count)
    note(f"uploaded {path} ({size(size_bytes)}) as {dataset['id']}")
    return dataset


def _head(dataset: Dataset) -> str:
    place = f"{dataset['cluster']}:{dataset['cluster_path']}" if dataset["cluster"] else None
    words = (dataset["id"], dataset["name"], dataset["format"], dataset["purpose"], _size(dataset), place)
    return "  ".join(word for word in words if word)


def _row(dataset: Dataset, moment: datetime) -> tuple[str, ...]:
    rows = "" if dataset["rows"] is None else str(dataset["rows"])
    shape = (dataset["format"] or "", dataset["purpose"] or "", rows, _size(dataset))
    return dataset["id"], dataset["name"], *shape, age(dataset["created_at"], moment), dataset["status"]


def _size(dataset: Dataset) -> str:
    return "" if dataset["size_bytes"] is None else size(dataset["size_bytes"])


COMMANDS: dict[str, Callable[..., Any]] = {
    "upload": upload,
    "list": list_datasets,
    "show": show,
    "delete": delete,
}
