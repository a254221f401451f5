"""datasets add: a file that already lies on a cluster."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packtrain.cli.commands.arguments import AsJson, connect
from packtrain.cli.commands.datasets.listing import Entry, report_lines, standing_lines
from packtrain.cli.request.dataset_entry import read_entry
from packtrain.cli.screen import note, say, say_json
from packtrain.schema import Dataset

if TYPE_CHECKING:
    from packtrain.client import Packtrain


def add(
    path: Annotated[str, typer.Argument(metavar="CLUSTER_PATH", help="The file, as the cluster knows it.")],
    name: Annotated[str | None, typer.Option(help="What people call it; by default the file's name.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Which cluster, where there are several.")] = None,
    data_format: Annotated[
        str | None, typer.Option("--format", help="alpaca or sharegpt: refuse the file unless it has this form.")
    ] = None,
    purpose: Annotated[
        str | None, typer.Option(help="sft, ranking, kto or pretrain, where its columns serve several.")
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Tell lengths in tokens too: a model's name or path.")
    ] = None,
    entry: Entry = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until it was checked.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a file that lies on a cluster as a data set; prints its id.

    \b
    packtrain datasets add /data/wmt/ja-en.parquet --tokenizer tiny-llama
    It is checked there, by a small job without a GPU, and not uploaded. Exit code 1 when it is refused.
    """
    entry_name, read = read_entry(entry)
    with connect() as api:
        dataset = api.add_dataset(
            path,
            name=name or entry_name,
            cluster=cluster,
            data_format=data_format,
            purpose=purpose,
            tokenizer=tokenizer,
            entry=read,
        )
        note(f"{dataset['id']} is being checked on {dataset['cluster']} by {dataset['check_job']}")
        if not no_wait:
            dataset = _checked(api, dataset)
        if dataset["status"] == "ready":
            for line in report_lines(api.dataset_report(dataset["id"])):
                note(line)
    if as_json:
        say_json(dataset)
    elif dataset["status"] != "refused":
        say(dataset["id"])
    if dataset["status"] == "refused":
        for line in [f"{dataset['id']} is no data to train on", *standing_lines(dataset)]:
            note(line)
        raise typer.Exit(1)


def _checked(api: "Packtrain", dataset: Dataset) -> Dataset:
    """The data set once its check has ended, which is followed on stderr."""
    from packtrain.cli.watch import LineView
    from packtrain.transport.long_poll import Outage, follow

    view = LineView(note, time.monotonic)
    try:
        for update in follow(api, dataset["check_job"] or ""):
            if isinstance(update, Outage):
                view.outage(update)
            else:
                view.show(update)
    except KeyboardInterrupt:
        note(f"\nNo longer waiting; the check goes on.\n  look again   packtrain datasets show {dataset['id']}")
        raise
    return api.dataset(dataset["id"])


COMMANDS: dict[str, Callable[..., Any]] = {"add": add}
