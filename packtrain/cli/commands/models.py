"""models: list, show, alias, unalias, pin, unpin, grant, withdraw, delete, serve, stop."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Annotated, Any

import typer

from packtrain.cli.commands.arguments import AsJson, Limit, Yes, connect
from packtrain.cli.screen import agreed, listing, note, say, say_json
from packtrain.cli.text.units import size
from packtrain.transport.long_poll import ENDED

Alias = Annotated[str, typer.Argument(metavar="ALIAS", help="What people's files call it: a hub id, a path, a word.")]
OfCluster = Annotated[str | None, typer.Option("--cluster", help="Which cluster, where there are several.")]
Name = Annotated[str, typer.Argument(metavar="MODEL", help="Its name, such as ft:..., or an alias.")]
Team = Annotated[str, typer.Argument(metavar="TEAM", help="A team's name.")]


class Kind(str, Enum):
    """Kind of a model."""

    catalogue = "catalogue"
    result = "result"


def list_models(
    kind: Annotated[Kind | None, typer.Option(help="Only models of catalogues, or only what jobs left.")] = None,
    text: Annotated[str | None, typer.Option("-q", "--query", help="With this in the name.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the models that configurations may name: those of the catalogues, and what jobs left."""
    with connect() as api:
        page = api.models(limit=limit, kind=kind.value if kind is not None else None, q=text)
    if as_json:
        say_json(page)
        return
    rows = [(each["name"], each["cluster"], _form(each), ", ".join(each["aliases"])) for each in page["data"]]
    listing("models", ("MODEL", "CLUSTER", "FORM", "ALIASES"), rows)
    if page["has_more"]:
        note("there are more: --limit")


def show(name: Name, as_json: AsJson = False) -> None:
    """Show a model: its folder and size, and where it came from.

    \b
    packtrain models show mt-prod
    """
    with connect() as api:
        model = api.model(name)
    if as_json:
        say_json(model)
        return
    for title, value in _details(model):
        if value:
            say(f"{title + ':':<12}{value}")


def alias(
    name: Alias,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="ft:..., or a name of the cluster's catalogue.")],
    cluster: OfCluster = None,
) -> None:
    """Let a name mean a model from now on: what a job of yours left, or one of the catalogue (administrators).

    \b
    packtrain models alias mt-prod ft:llama3-8b:mt:wmt-ja-en:7h3k
    packtrain models alias meta-llama/Meta-Llama-3-8B-Instruct llama3-8b
    """
    with connect() as api:
        made = api.set_model_alias(name, model, cluster=cluster)
    note(f"{made['alias']} is {made['model']} on {made.get('cluster')}")


def unalias(name: Alias, cluster: OfCluster = None) -> None:
    """Forget a further name of a model."""
    with connect() as api:
        api.remove_model_alias(name, cluster=cluster)
    note(f"{name} means no model any more")


def pin(name: Name) -> None:
    """Let clean-up spare what a job left, or one of its checkpoints."""
    with connect() as api:
        api.pin_model(name)
    note(f"{name} stays until its pin is taken off")


def unpin(name: Name) -> None:
    """Let clean-up remove it again."""
    with connect() as api:
        api.unpin_model(name)
    note(f"{name} is not pinned any more")


def grant(name: Name, team: Team) -> None:
    """Let another team use what a job left."""
    with connect() as api:
        api.grant_model(name, team)
    note(f"{team} may use {name}")


def withdraw(name: Name, team: Team) -> None:
    """Take it back from a team."""
    with connect() as api:
        api.withdraw_model_grant(name, team)
    note(f"{team} may not use {name} any more")


def delete(name: Name, yes: Yes = False) -> None:
    """Let what a job left, or one of its checkpoints, leave the cluster; the job stays."""
    if not agreed(f"Remove the files of {name} from the cluster?", yes=yes):
        raise typer.Exit(1)
    with connect() as api:
        api.remove_model(name)
    note(f"{name} is being removed from the cluster")


def _form(model: Mapping[str, Any]) -> str:
    """Servers of before have catalogues alone."""
    if model.get("kind", "catalogue") == "catalogue":
        return "catalogue"
    form = "adapter" if model["is_adapter"] else "whole model"
    return f"{form}, {size(model['size_bytes'] or 0)}{', pinned' if model['is_pinned'] else ''}"


def _details(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    origin = model.get("lineage") or {}
    source = origin.get("source_job")
    step = f", checkpoint {origin['source_checkpoint']}" if origin.get("source_checkpoint") else ""
    metrics = (f"{name} {value:.6g}" for name, value in model.get("metrics", {}).items())
    return [
        ("model", model["name"]),
        ("cluster", model["cluster"]),
        ("path", model["path"]),
        ("form", _form(model)),
        ("aliases", ", ".join(model["aliases"])),
        ("job", f"{origin['job_id']} ({origin['job_name']})" if origin else ""),
        ("owner", f"{model['owner']}, {model['team']}" if model.get("owner") else ""),
        ("base", origin.get("base", "")),
        ("made from", f"{source}{step}" if source else ""),
        ("data", ", ".join(origin.get("datasets", ()))),
        ("metrics", ", ".join(metrics)),
        ("granted to", ", ".join(model.get("granted_to", ()))),
        ("not served", model.get("not_served") or ""),
    ]


def serve(model: Name, cluster: OfCluster = None, as_json: AsJson = False) -> None:
    """Serve a model, so that it can be talked to: a job that ends when nobody does.

    \b
    packtrain models serve tiny-llama
    """
    with connect() as api:
        job = api.serve_model(model, cluster=cluster)
    if as_json:
        say_json(job)
    else:
        say(f"{job['id']} {job['name']}: {job['status_reason'] or job['status']}")


def stop(model: Name, cluster: OfCluster = None, as_json: AsJson = False) -> None:
    """End a served model."""
    with connect() as api:
        job = api.stop_serving(model, cluster=cluster)
    if as_json:
        say_json(job)
    else:
        say(f"{job['id']} {job['status']}" + ("" if job["status"] in ENDED else ", to be cancelled"))


COMMANDS: dict[str, Callable[..., Any]] = {
    "list": list_models,
    "show": show,
    "alias": alias,
    "unalias": unalias,
    "pin": pin,
    "unpin": unpin,
    "grant": grant,
    "withdraw": withdraw,
    "delete": delete,
    "serve": serve,
    "stop": stop,
}
