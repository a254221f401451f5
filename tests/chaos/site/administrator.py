"""Hands of an administrator on our Slurm jobs: renamed, requeued, held, suspended, signalled, cancelled."""

from collections.abc import Iterator

from tests.chaos.house import until
from tests.chaos.site.desk import WAIT_SECONDS
from tests.chaos.site.kind import SiteFault
from tests.chaos.site.nodes import DRAIN, RESUME
from tests.chaos.site.scene import SiteScene


def administrator_faults() -> Iterator[SiteFault]:
    """Every one, once."""
    yield SiteFault("renamed, then cancelled", _renamed)
    yield SiteFault("requeued", _requeued)
    yield SiteFault("held in Slurm, suspended", _held_and_suspended)
    yield SiteFault("USR1 by somebody else", _signalled)
    yield SiteFault("cancelled in Slurm", _cancelled)


def _renamed(scene: SiteScene) -> None:
    """A running job and a waiting one; the wish to cancel reaches both."""
    runs = scene.running(status="cancelled")
    with scene.struck(DRAIN, RESUME):
        waits = scene.order(status="cancelled", runs=(0,))
        for job in (runs, waits):
            scene.shell(f"scontrol update jobid={scene.slurm_id(job)} jobname=mine")
        scene.desk.wait_status(waits, "pending")
        for job in (runs, waits):
            scene.desk.act(job, "cancel")
        for job in (runs, waits):
            scene.desk.wait_status(job, "cancelled")


def _requeued(scene: SiteScene) -> None:
    """Slurm ends it and starts it again under its number: one attempt, two runs of it, one after the other."""
    job = scene.running(runs=(2,))
    slurm_id = scene.slurm_id(job)
    scene.shell(f"scontrol update jobid={slurm_id} requeue=1 && scontrol requeue {slurm_id}")
    scene.begun(job, times=2)


def _held_and_suspended(scene: SiteScene) -> None:
    runs = scene.running()
    with scene.struck(DRAIN, RESUME):
        waits = scene.order()
        held = scene.slurm_id(waits)
        scene.shell(f"scontrol hold {held}")
    scene.shell(f"scontrol suspend {scene.slurm_id(runs)}")
    until("suspended job", lambda: scene.desk.job(runs)["slurm_state"] == "SUSPENDED" or None, WAIT_SECONDS)
    until("held job", lambda: "Held" in (scene.desk.job(waits)["slurm_reason"] or "") or None, WAIT_SECONDS)
    scene.lives(runs)
    scene.shell(f"scontrol resume {scene.slurm_id(runs)}; scontrol release {held}")
    scene.begun(waits)


def _signalled(scene: SiteScene) -> None:
    """A training saves and ends, long before its time limit: it goes on from there, as its owner asked for."""
    job = scene.running(runs=(2,), continuation={})
    scene.shell(f"scancel --batch --signal=USR1 {scene.slurm_id(job)}")
    scene.begun(job, times=2)


def _cancelled(scene: SiteScene) -> None:
    """That is the end of it, and said so."""
    with scene.struck(DRAIN, RESUME):
        waits = scene.order(status="cancelled", runs=(0,))
        scene.shell(f"scancel {scene.slurm_id(waits)}")
        scene.desk.wait_status(waits, "cancelled")
    runs = scene.running(status="cancelled")
    scene.shell(f"scancel {scene.slurm_id(runs)}")
    scene.desk.wait_status(runs, "cancelled")
