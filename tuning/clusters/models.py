"""The row of a cluster."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from tuning.db.engine import Base


class ClusterRow(Base):
    """A cluster's row: lease of its worker, connection, last description of itself, commands used."""

    __tablename__ = "clusters"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    lease_owner: Mapped[str | None] = mapped_column(String(100))
    lease_token: Mapped[int] = mapped_column(BigInteger, default=0)
    """The fencing token: grows with every change of driver."""
    lease_expires_at: Mapped[datetime | None]
    reached_at: Mapped[datetime | None]
    unreachable_since: Mapped[datetime | None]
    unreachable_reason: Mapped[str | None] = mapped_column(Text)
    root_sign: Mapped[str | None] = mapped_column(String(32))
    """The newest sign of life that is known to lie in its root (docs/decisions/0007-whose-root.md)."""
    root_sign_next: Mapped[str | None] = mapped_column(String(32))
    """One that may lie there: kept before it is left."""
    snapshot: Mapped[dict[str, Any] | None]
    """Partitions, nodes, GPUs and data sets as last seen (tuning.clusters.snapshot)."""
    snapshot_at: Mapped[datetime | None]
    commands: Mapped[dict[str, Any] | None]
    """Remote commands, connections and cycles counted by the driver: the budget that is used."""


class Installation(Base):
    """This packtrain among others: its id goes with the database, into copies of it too."""

    __tablename__ = "installations"

    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """1: there is one."""
    id: Mapped[str] = mapped_column(String(32))


class ModelAlias(Base):
    """A further name of a model of a cluster's catalogue, or a name of what a job left."""

    __tablename__ = "model_aliases"

    cluster: Mapped[str] = mapped_column(String(32), primary_key=True)
    alias: Mapped[str] = mapped_column(String(200), primary_key=True)
    model: Mapped[str] = mapped_column(String(200))
    """Its name in the catalogue; one that is taken out there has no meaning until it is back. Empty for a result."""
    job_id: Mapped[str | None] = mapped_column(String(32), index=True)
    """Of a result. No foreign key: an alias whose job was deleted can be seen, and moved."""
    checkpoint: Mapped[int | None]
    """Of a result: one of its checkpoints; None = the final model."""
    updated_at: Mapped[datetime]


class TrialRow(Base):
    """A question to Slurm: what would it do with such a job? Asked by the server, answered by the driver."""

    __tablename__ = "trials"

    cluster: Mapped[str] = mapped_column(String(32), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Of the script: whoever asks the same shares the answer."""
    script: Mapped[str] = mapped_column(Text)
    """#SBATCH lines and nothing else."""
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    starts_at: Mapped[datetime | None]
    refusal: Mapped[str | None] = mapped_column(Text)
    """Slurm's words."""
    hint: Mapped[str | None] = mapped_column(Text)
    is_final: Mapped[bool] = mapped_column(default=False)
    """A refusal that no waiting changes."""


class NodeFault(Base):
    """A failure of a run by its node (tuning.clusters.sick_nodes)."""

    __tablename__ = "node_faults"
    __table_args__ = (Index("ix_node_faults_cluster_at", "cluster", "at"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    cluster: Mapped[str] = mapped_column(String(32))
    node: Mapped[str] = mapped_column(String(100))
    job_id: Mapped[str] = mapped_column(String(32))
    """No foreign key: the job may be deleted, its node is as sick as before."""
    at: Mapped[datetime]
    message: Mapped[str] = mapped_column(Text)
    """Of the failure, without secrets."""
