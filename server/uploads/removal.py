"""Removal of data sets: off the list at once, from the disk behind the answer."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import BackgroundTasks, Depends, Request
from sqlalchemy.orm import Session

from server.dependencies import CurrentUser, NowDep, SessionDep, StoreDep, in_transaction
from tuning.datasets import service
from tuning.datasets.unused_contents import collect_unused
from tuning.jobs.data_check.create import stop_check
from tuning.jobs.queries.use.dataset_use import IN_USE
from tuning.people.tokens import Principal


@dataclass(frozen=True)
class Removal:
    """A request by which a data set is removed."""

    session: Session
    user: Principal
    now: datetime

    def remove(self, dataset_id: str) -> None:
        """Take it off the list, and cancel its check. Raises NotFound, NotAllowed, Conflict while jobs wait for it."""
        stop_check(self.session, dataset_id, self.user, self.now)
        service.delete(self.session, self.user, dataset_id, IN_USE, self.now)


async def get_removal(
    session: SessionDep,
    user: CurrentUser,
    now: NowDep,
    store: StoreDep,
    request: Request,
    after_commit: BackgroundTasks,
) -> Removal:
    """For routes that remove a data set; what nobody needs then leaves the disk once that is committed."""
    collect = partial(collect_unused, store=store, in_use=IN_USE, now=now)
    after_commit.add_task(in_transaction, request.app.state.sessions, collect)
    return Removal(session, user, now)


RemovalDep = Annotated[Removal, Depends(get_removal)]
