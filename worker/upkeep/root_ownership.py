"""Ownership of the root on a cluster: signed once a minute, refused where somebody else signs (decision 0007)."""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.orm import Session

from tuning.clusters.models import ClusterRow
from tuning.clusters.repository import installation_id
from tuning.errors import ForeignRoot, RemoteFileError
from tuning.slurm.attempt_records import OwnerRecord, parse_owner
from tuning.slurm.cluster import ReadRequest, RootSign
from tuning.slurm.inventory import Inventory
from worker.driver import Driver
from worker.upkeep.neighbours import database_url, is_alive, uses_database

log = logging.getLogger(__name__)

STANDSTILL_SECONDS = 150.0
"""An owner signs once a minute: one whose sign is the same for so long has gone."""


class RootOwnership:
    """The sign that lies in the root, and since when that of somebody else has not changed."""

    def __init__(self, driver: Driver, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._driver, self._monotonic = driver, monotonic
        self._foreign: tuple[str, float] | None = None

    def described(self) -> Inventory | None:
        """The cluster's description, with our sign left in the root. Raises ClusterError, ForeignRoot among them.

        None where sinfo gives no answer: what was known stays, and jobs can be watched without it.
        """
        if not self._driver.owns_root.is_set():
            self._look_first()
        sign = self._sign()
        answer, inventory = self._driver.cluster.describe(sign)
        if not answer.is_ours and answer.owner is not None and self._has_gone(answer.owner, sign.installation):
            sign = replace(sign, taken_over=answer.owner.sign)
            answer, inventory = self._driver.cluster.describe(sign)
        if not answer.is_ours:
            self._driver.owns_root.clear()
            raise self._refusal(answer.owner, sign.installation)
        self._foreign = None
        if answer.was_signed:
            self._keep(sign)
        self._driver.owns_root.set()
        if inventory is None:
            log.warning("%s", answer.trouble, extra={"action": "no_facts", "cluster": self._driver.settings.name})
        return inventory

    def _look_first(self) -> None:
        """A copy of the database knows the sign until its owner signs again: so long a living one is not disturbed."""
        path = f"{self._driver.settings.root}/owner"
        owner = parse_owner(self._driver.cluster.read([ReadRequest(path, 0, 1000)]).contents.get(path, b""))
        with self._driver.apply() as session:
            installation = installation_id(session)
        if owner is not None and is_alive(owner.driver) is True and not self._has_gone(owner, installation):
            raise self._refusal(owner, installation)

    def _sign(self) -> RootSign:
        """The next sign is kept before it is left: whoever dies in between finds his own."""
        with self._driver.apply() as session:
            row = self._row(session)
            row.root_sign_next = row.root_sign_next or secrets.token_hex(8)
            installation, driver = installation_id(session), self._driver.lease.owner
            return RootSign(installation, driver, row.root_sign or "", row.root_sign_next)

    def _keep(self, sign: RootSign) -> None:
        with self._driver.apply() as session:
            row = self._row(session)
            row.root_sign, row.root_sign_next = sign.next, None

    def _row(self, session: Session) -> ClusterRow:
        return session.get_one(ClusterRow, self._driver.settings.name)

    def _has_gone(self, owner: OwnerRecord, installation: str) -> bool:
        """Its worker was one of this machine and is no more, or uses our own database, in which the lease is ours; or
        it is a copy of ours and signs no longer."""
        if owner.driver == self._driver.lease.owner or is_alive(owner.driver) is False:
            return True
        if owner.installation == installation and uses_database(owner.driver, database_url(self._driver.sessions)):
            return True
        if self._foreign is None or self._foreign[0] != owner.sign:
            self._foreign = (owner.sign, self._monotonic())
        stands_still = self._monotonic() - self._foreign[1] >= STANDSTILL_SECONDS
        return owner.installation == installation and stands_still

    def _refusal(self, owner: OwnerRecord | None, installation: str) -> RemoteFileError | ForeignRoot:
        root = self._driver.settings.root
        if owner is None:
            return RemoteFileError(f"the answer about {root} broke off")
        driver = owner.driver or "somebody"
        if owner.installation == installation:
            return ForeignRoot(
                f"{driver} drives {root} with a copy of this database: nothing is done there. Stop one of the two; "
                "this one goes on by itself some minutes after the other has stopped"
            )
        return ForeignRoot(
            f"{root} belongs to another packtrain, driven by {driver}: nothing is done there. Give this one another "
            f"root; or, if that one is gone for good, remove {root}/owner on the cluster"
        )
