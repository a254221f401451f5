"""AiiDA over SSH. Arguments: a folder of its own, a name from ~/.ssh/config, a folder on the cluster, its two waits.

Its engine runs in this process, as `aiida.engine.run` has it: no broker and no daemon, whose workers are the same
runner. The jobs are its guide's own example, which adds two numbers in bash.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aiida import load_profile, orm
from aiida.manage import get_manager
from aiida.manage.configuration import create_profile, get_config
from aiida.plugins import CalculationFactory

from tests.bench.peers.orders import Poll, serve

TICK_SECONDS = 0.05


class Aiida:
    """A runner with as many calculations at once as are asked for."""

    def __init__(self, folder: Path, host: str, workdir: str, waits: Sequence[str]) -> None:
        profile = create_profile(
            get_config(create=True),
            name="peer",
            email="peer@localhost",
            storage_backend="core.sqlite_dos",
            storage_config={"filepath": str(folder / "storage")},
        )
        load_profile(profile.name)
        self._computer = _computer(host, workdir, *(float(wait) for wait in waits))
        self._code = orm.InstalledCode(label="bash", computer=self._computer, filepath_executable="/bin/bash").store()
        self._runner = get_manager().create_runner(communicator=None)
        self._nodes: list[Any] = []

    def submit(self, count: int) -> float:
        """From the first calculation's making to the last one's number."""
        self.forget()  # calculations of before would share their connections with these
        calculation = CalculationFactory("core.arithmetic.add")
        began = time.monotonic()
        self._nodes = [self._runner.submit(calculation, self._inputs()) for _ in range(count)]
        self._run(lambda: all(node.get_job_id() for node in self._nodes))
        return time.monotonic() - began

    def poll(self, times: int) -> Poll:
        """Its engine looks at the cluster at its own pace; who asks for states reads its database."""
        looks: list[float] = [time.time()]

        def seen_again() -> bool:
            newest = self._jobs_list().last_updated or 0.0
            if newest > looks[-1]:
                looks.append(newest)
            return len(looks) > times + 1

        self._run(seen_again)
        period = (looks[-1] - looks[1]) / max(1, len(looks) - 2)
        return Poll([self._read() for _ in range(times)], len(looks) - 1, period if len(looks) > 2 else None)

    def forget(self) -> None:
        """Its calculations stop where they are, and what looks at the queue with them; the next get a new runner."""
        for task in asyncio.all_tasks(self._runner.loop):
            task.cancel()
        self._run(lambda: True)
        self._runner = get_manager().create_runner(communicator=None)

    def _inputs(self) -> dict[str, Any]:
        return {
            "x": orm.Int(1),
            "y": orm.Int(2),
            "code": self._code,
            "metadata": {"options": {"max_wallclock_seconds": 300}},
        }

    def _jobs_list(self) -> Any:
        return self._runner.job_manager.get_jobs_list(self._computer.get_authinfo(orm.User.collection.get_default()))

    def _read(self) -> float:
        """As `verdi process list` reads them."""
        began = time.monotonic()
        states = (
            orm.QueryBuilder()
            .append(
                orm.CalcJobNode,
                filters={"id": {"in": [node.pk for node in self._nodes]}},
                project=["attributes.scheduler_state", "attributes.process_state"],
            )
            .all()
        )
        seconds = time.monotonic() - began
        sys.stderr.write(f"{states}\n")
        return seconds

    def _run(self, done: Any) -> None:
        async def until_done() -> None:
            while not done():
                await asyncio.sleep(TICK_SECONDS)

        self._runner.run_until_complete(self._runner.loop.create_task(until_done()))


def _computer(host: str, workdir: str, safe_interval: float | None = None, poll_interval: float | None = None) -> Any:
    """Without the two, AiiDA's defaults: seconds before a connection is opened, and between two looks at the queue."""
    computer = orm.Computer(
        label="lab", hostname=host, transport_type="core.ssh_async", scheduler_type="core.slurm", workdir=workdir
    ).store()
    computer.set_default_mpiprocs_per_machine(1)
    if poll_interval is not None:
        computer.set_minimum_job_poll_interval(poll_interval)
    computer.configure(host=host, **({} if safe_interval is None else {"safe_interval": safe_interval}))
    return computer


if __name__ == "__main__":
    folder, host, workdir, *waits = sys.argv[1:]
    serve(f"AiiDA {version('aiida-core')}", Aiida(Path(folder), host, workdir, waits))
