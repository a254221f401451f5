"""The model that a route's path names, and who asks: inputs of the routes of one model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path
from sqlalchemy.orm import Session

from server.dependencies import ActorDep, CurrentUser, NowDep, SessionDep
from server.job_surroundings import SiteDep
from tuning.errors import Finding, InvalidInput, NotFound
from tuning.jobs.request.resources import ClusterView
from tuning.jobs.results.keeping import Keeper
from tuning.jobs.results.resolve import ModelRef, resolve
from tuning.models.names import MOST_CHARACTERS, ResultName
from tuning.people.tokens import Principal
from tuning.settings import ClusterSettings

NameInPath = Annotated[
    str,
    Path(max_length=MOST_CHARACTERS, description="A name, an alias or a hub id; it may hold slashes and colons."),
]


@dataclass(frozen=True)
class Catalogues:
    """The clusters' catalogues, and what is known of the clusters."""

    clusters: Mapping[str, ClusterSettings]
    view_of: Callable[[str], ClusterView]


@dataclass(frozen=True)
class NamedModels:
    """Session and user of a route, and the models that names mean to them."""

    session: Session
    catalogues: Catalogues
    user: Principal
    keeper: Keeper

    def ref(self, name: str) -> ModelRef:
        """Raises NotFound."""
        if not name.isprintable():
            raise NotFound("there is no such model")
        return resolve(self.session, name, self.catalogues, self.user)

    def result(self, name: str, field: str = "name") -> ResultName:
        """The result that a name means. Raises NotFound, and InvalidInput for a model of a catalogue."""
        ref = self.ref(name)
        if ref.job_id is None:
            hint = "its name begins with ft:"
            raise InvalidInput([Finding((field,), f"{ref.name} is a model of the catalogue, not of a job", hint)])
        return ResultName(ref.job_id, ref.checkpoint)


async def named_models(
    session: SessionDep, site: SiteDep, user: CurrentUser, actor: ActorDep, now: NowDep
) -> NamedModels:
    """For routes of models."""
    catalogues = Catalogues(site.clusters, lambda name: site.views.view(session, name))
    return NamedModels(session, catalogues, user, Keeper(user, actor, now))


NamedModelsDep = Annotated[NamedModels, Depends(named_models)]
