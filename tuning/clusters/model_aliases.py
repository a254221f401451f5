"""Further names of a catalogue's models and of results: what people's files call them."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from tuning.clusters.models import ModelAlias
from tuning.errors import Conflict, Finding, InvalidInput, NotFound

MOST_ALIASES = 1000
"""Of one cluster: they are read whole."""
_ALIAS = re.compile(r"[A-Za-z0-9~./_][A-Za-z0-9._/@+=~:-]{0,199}")


def aliases_of(session: Session, cluster: str) -> dict[str, str]:
    """The model's name in the catalogue, by alias; empty where it means a result."""
    rows = session.scalars(select(ModelAlias).where(ModelAlias.cluster == cluster))
    return {row.alias: row.model for row in rows}


def alias_row(session: Session, clusters: Sequence[str], alias: str) -> ModelAlias | None:
    """Row of an alias on the first of these clusters that has it."""
    if not _ALIAS.fullmatch(alias):
        return None
    rows = session.scalars(select(ModelAlias).where(ModelAlias.cluster.in_(clusters), ModelAlias.alias == alias))
    return min(rows, key=lambda row: clusters.index(row.cluster), default=None)


def aliases_of_jobs(session: Session, job_ids: Collection[str]) -> Sequence[ModelAlias]:
    """Aliases that mean what these jobs left, by name."""
    rows = select(ModelAlias).where(ModelAlias.job_id.in_(job_ids)).order_by(ModelAlias.cluster, ModelAlias.alias)
    return session.scalars(rows).all()


def set_alias(
    session: Session, cluster: str, alias: str, model: str, catalogue: Collection[str], now: datetime
) -> ModelAlias:
    """Let an alias mean a model of the catalogue, from now on. Raises InvalidInput and Conflict."""
    findings = [*_bad_alias(alias, catalogue), *_unknown_model(model, catalogue)]
    if findings:
        raise InvalidInput(findings)
    return _written(session, ModelAlias(cluster=cluster, alias=alias, model=model, updated_at=now))


def set_result_alias(
    session: Session,
    cluster: str,
    alias: str,
    result: tuple[str, int | None],
    catalogue: Collection[str],
    now: datetime,
) -> ModelAlias:
    """Let an alias mean what a job left (its id, and a checkpoint) from now on. Raises InvalidInput and Conflict."""
    if findings := _bad_alias(alias, catalogue):
        raise InvalidInput(findings)
    job_id, checkpoint = result
    row = ModelAlias(cluster=cluster, alias=alias, model="", job_id=job_id, checkpoint=checkpoint, updated_at=now)
    return _written(session, row)


def alias_on(session: Session, cluster: str, alias: str) -> ModelAlias | None:
    """Row of an alias on a cluster."""
    return alias_row(session, [cluster], alias)


def remove_alias(session: Session, cluster: str, alias: str) -> None:
    """Raises NotFound."""
    own = (ModelAlias.cluster == cluster, ModelAlias.alias == alias)
    if session.scalar(select(ModelAlias.alias).where(*own)) is None:
        raise NotFound(f"{cluster} has no alias {alias[:200]!r}")
    session.execute(delete(ModelAlias).where(*own))


def _written(session: Session, wanted: ModelAlias) -> ModelAlias:
    own = (ModelAlias.cluster == wanted.cluster, ModelAlias.alias == wanted.alias)
    is_new = session.scalar(select(ModelAlias.alias).where(*own)) is None
    if is_new and len(aliases_of(session, wanted.cluster)) >= MOST_ALIASES:
        raise Conflict(f"{wanted.cluster} has {MOST_ALIASES} aliases already", hint="remove those that nobody uses")
    row = session.merge(wanted)
    session.flush()
    return row


def _bad_alias(alias: str, catalogue: Collection[str]) -> Sequence[Finding]:
    if not _ALIAS.fullmatch(alias):
        hint = "1 to 200 of letters, digits and . _ / @ + = ~ : -, such as a hub id or a path"
        return [Finding(("alias",), f"{alias[:80]!r} cannot be an alias", hint)]
    if alias.startswith("ft:"):
        return [Finding(("alias",), f"{alias[:80]!r} would be the name of a result", "choose another one")]
    if alias in catalogue:
        return [Finding(("alias",), f"{alias} is the name of a model of the catalogue", "choose another one")]
    return []


def _unknown_model(model: str, catalogue: Collection[str]) -> Sequence[Finding]:
    if model in catalogue:
        return []
    hint = f"the catalogue has: {', '.join(sorted(catalogue)) or 'nothing yet'}"
    return [Finding(("model",), f"{model[:200]!r} is not a model of the catalogue", hint)]
