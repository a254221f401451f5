"""models: list, alias, unalias."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from packtrain.cli.commands.arguments import AsJson, connect
from packtrain.cli.screen import listing, note, say_json

Alias = Annotated[str, typer.Argument(metavar="ALIAS", help="What people's files call it: a hub id, a path, a word.")]
OfCluster = Annotated[str | None, typer.Option("--cluster", help="Which cluster, where there are several.")]


def list_models(as_json: AsJson = False) -> None:
    """List the models that configurations may name, and their further names."""
    with connect() as api:
        page = api.models()
    if as_json:
        say_json(page)
        return
    rows = [(each["name"], each["cluster"], each["path"], ", ".join(each["aliases"])) for each in page["data"]]
    listing("models", ("MODEL", "CLUSTER", "PATH", "ALIASES"), rows)


def alias(
    name: Alias,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Its name in the cluster's catalogue.")],
    cluster: OfCluster = None,
) -> None:
    """Let a name mean a model of the catalogue. For administrators.

    \b
    packtrain models alias meta-llama/Meta-Llama-3-8B-Instruct llama3-8b
    """
    with connect() as api:
        made = api.set_model_alias(name, model, cluster=cluster)
    note(f"{made['alias']} is {made['model']} on {made.get('cluster')}")


def unalias(name: Alias, cluster: OfCluster = None) -> None:
    """Forget a further name of a model. For administrators."""
    with connect() as api:
        api.remove_model_alias(name, cluster=cluster)
    note(f"{name} means no model any more")


COMMANDS: dict[str, Callable[..., Any]] = {"list": list_models, "alias": alias, "unalias": unalias}
