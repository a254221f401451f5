"""storage: removal of what nobody needs from the server's disk and from the clusters."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ops.storage.disused_kinds import USUAL, DisusedKind
from packtrain.cli.screen import listing, note, now
from packtrain.cli.text.units import size

if TYPE_CHECKING:
    from tuning.jobs.queries.use.storage import Disused


def storage(
    kind: Annotated[
        list[DisusedKind] | None,
        typer.Option(
            "--kind", help="Only these. Outputs are all that a job left, its results too: looked at only if named."
        ),
    ] = None,
    older_than: Annotated[int, typer.Option("--older-than", min=1, metavar="DAYS", help="Unused for so long.")] = 90,
    apply: Annotated[bool, typer.Option("--apply", help="Remove it; without it everything is only shown.")] = False,
) -> None:
    """List what can be removed, and remove it.

    Uploads that nobody has used for a while, and the checkpoints of jobs that have ended; with `--kind outputs` all
    that such jobs left, but for those that another job was based on.
    Of each kind the 1000 largest. Uploads are deleted (and their copies on clusters by the worker), folders on clusters
    are removed by the worker. What a job that has not ended needs is never among them,
    nor what is pinned or has an alias (`packtrain models`).

    \b
    packtrain storage --older-than 30
    packtrain storage --kind checkpoints --older-than 30 --apply
    packtrain storage --kind outputs --older-than 365
    """
    from ops.databases import opened_existing
    from ops.storage.cleanup import collect, disused, remove
    from tuning.datasets.storage.store import ContentStore
    from tuning.db.engine import open_sessions, transaction
    from tuning.people.audit import operator
    from tuning.settings import load_settings

    kinds, settings, at = tuple(kind or USUAL), load_settings(), now()
    with opened_existing(settings.database_url) as engine:
        sessions = open_sessions(engine)
        with transaction(sessions) as session:
            found = disused(session, kinds, at - timedelta(days=older_than))
            count = remove(session, found, operator(), at) if apply else 0
        _show(found)
        if apply:
            store = ContentStore(settings.data_dir / "datasets", settings.max_upload_bytes)
            with transaction(sessions) as session:
                contents = collect(session, store, at)
            note(f"{count} are removed: {contents} contents from this disk; the worker removes what lies on clusters")
        else:
            note("nothing was removed: `--apply` does that")


def _show(found: "Mapping[DisusedKind, Sequence[Disused]]") -> None:
    rows = [
        (
            kind,
            each.id,
            each.name,
            each.owner,
            each.cluster or "server",
            f"{each.since:%Y-%m-%d}",
            size(each.size_bytes),
        )
        for kind, things in found.items()
        for each in things
    ]
    listing("such things", ("KIND", "ID", "NAME", "OWNER", "WHERE", "UNUSED SINCE", "SIZE"), rows)
    for kind, things in found.items():
        note(f"{kind}: {len(things)}, {size(sum(each.size_bytes for each in things))}")
