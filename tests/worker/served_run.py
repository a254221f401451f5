"""A served model on its way through the cluster, watched by the worker."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tests.worker.watched_run import Run
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.serving.servers import ModelServer, server_of

CONFIG = {"model_name_or_path": "/shared/models/tiny-qwen2", "template": "qwen"}


class ServedRun:
    """A job of kind `serve` that Slurm has."""

    def __init__(self, world: World, sessions: sessionmaker[Session], **columns: Any) -> None:
        self.sessions = sessions
        job_id = world.add()
        with transaction(sessions) as session:
            job = session.get_one(Job, job_id)
            job.kind, job.config, job.limit_seconds = "serve", CONFIG, 8 * 3600
            for name, value in columns.items():
                setattr(job, name, value)
            session.add(ModelServer(job_id=job_id, cluster="lab", model="tiny-qwen2", is_newest=True))
        self.run = Run(world, sessions, job_id)
        self.job_id = job_id

    def load(self) -> None:
        """It runs, and has loaded its model."""
        self.run.slurm_says("RUNNING")
        self.tell()
        self.run.look()

    def tell(self, text: str = "port=23456\naddress=n1.cluster\n", slurm_job_id: int = 100) -> None:
        """The script writes its record."""
        head = f"slurm_job_id={slurm_job_id}\nrestart=0\nnode=n1\nepoch={self.run.cluster.clock_epoch:.0f}\n"
        self.run.write("1/serving", f"{head}{text}".encode())

    def use(self, now: datetime) -> None:
        """Somebody talks to it."""
        with transaction(self.sessions) as session:
            server = session.get_one(ModelServer, self.job_id)
            server.last_used_at = now

    def server(self) -> ModelServer:
        """Its row."""
        with self.sessions() as session:
            found = server_of(session, self.job_id)
            assert found is not None
            return found

    def job(self) -> Job:
        """Its job."""
        return self.run.world.job(self.job_id)
