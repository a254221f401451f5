"""Further names of a catalogue's models: what people's files call them. Made by administrators."""

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
    """The model's name in the catalogue, by alias."""
    rows = session.scalars(select(ModelAlias).where(ModelAlias.cluster == cluster))
    return {row.alias: row.model for row in rows}


def set_alias(
    session: Session, cluster: str, alias: str, model: str, catalogue: Collection[str], now: datetime
) -> ModelAlias:
    """Let an alias mean a model of the catalogue, from now on. Raises InvalidInput and Conflict."""
    findings = [*_bad_alias(alias, catalogue), *_unknown_model(model, catalogue)]
    if findings:
        raise InvalidInput(findings)
    row = session.get(ModelAlias, (cluster, alias))
    if row is None:
        if len(aliases_of(session, cluster)) >= MOST_ALIASES:
            raise Conflict(f"{cluster} has {MOST_ALIASES} aliases already", hint="remove those that nobody uses")
        row = ModelAlias(cluster=cluster, alias=alias, model=model, updated_at=now)
        session.add(row)
    row.model, row.updated_at = model, now
    session.flush()
    return row


def remove_alias(session: Session, cluster: str, alias: str) -> None:
    """Raises NotFound."""
    own = (ModelAlias.cluster == cluster, ModelAlias.alias == alias)
    if session.scalar(select(ModelAlias.alias).where(*own)) is None:
        raise NotFound(f"{cluster} has no alias {alias[:200]!r}")
    session.execute(delete(ModelAlias).where(*own))


def _bad_alias(alias: str, catalogue: Collection[str]) -> Sequence[Finding]:
    if not _ALIAS.fullmatch(alias):
        hint = "1 to 200 of letters, digits and . _ / @ + = ~ : -, such as a hub id or a path"
        return [Finding(("alias",), f"{alias[:80]!r} cannot be an alias", hint)]
    if alias in catalogue:
        return [Finding(("alias",), f"{alias} is the name of a model of the catalogue", "choose another one")]
    return []


def _unknown_model(model: str, catalogue: Collection[str]) -> Sequence[Finding]:
    if model in catalogue:
        return []
    hint = f"the catalogue has: {', '.join(sorted(catalogue)) or 'nothing yet'}"
    return [Finding(("model",), f"{model[:200]!r} is not a model of the catalogue", hint)]
