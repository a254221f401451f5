"""Faults of the service account and its folders: a shell that runs nothing, places gone, closed or read-only."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from tests.chaos.house import ROOT
from tests.chaos.site.kind import SiteFault
from tests.chaos.site.scene import SiteScene
from tests.e2e.site import SHORT_RUN

CLOSE_SESSIONS = "pkill -KILL -f '^sshd.*packtrain@notty' || true"
NO_SHELL = f"usermod --shell /usr/sbin/nologin packtrain; {CLOSE_SESSIONS}"
SHELL = "usermod --shell /bin/bash packtrain"
ROOT_FAULTS = {
    "read-only": f"mount --bind {ROOT} {ROOT} && mount -o remount,bind,ro {ROOT}",
    "away": f"mount -t tmpfs -o mode=755 none {ROOT}",
    "closed": f"mount -t tmpfs -o mode=000 none {ROOT}",
}
"""Each over the root, so that one command takes it back."""
DATA = json.dumps([{"instruction": f"Say {number}.", "input": "", "output": str(number)} for number in range(20)])


def folder_faults() -> Iterator[SiteFault]:
    """Every one, once."""
    yield SiteFault("account without a shell", _no_shell)
    yield SiteFault("one job's folder unwritable", _unwritable_folder)
    yield SiteFault("data copy removed", _copy_removed)
    yield SiteFault("exit record lost", _record_lost)
    yield SiteFault("folder unreadable at the end", _unreadable_at_the_end)
    for name, strike in ROOT_FAULTS.items():
        yield SiteFault(f"root {name}", partial(_root_fault, strike=strike))


def _no_shell(scene: SiteScene) -> None:
    """For the next login too: its connections are cut, as sshd asks for the shell at a login only."""
    runs = scene.running()
    with scene.struck(NO_SHELL, SHELL):
        waits = scene.order()
        scene.until_unreachable()
        scene.lives(runs)
    scene.begun(waits)


def _unwritable_folder(scene: SiteScene) -> None:
    """It stands in the way of one job among others; they do not notice."""
    hindered = scene.order(held=True)
    folder = scene.folder(hindered)
    with scene.struck(f"install -d -m 555 -o root {folder}", f"rmdir {folder}"):
        scene.desk.act(hindered, "release")
        others = [scene.order() for _ in range(scene.rng.randint(2, 4))]
        for job in others:
            scene.begun(job)
            scene.stand_in.let_go(job)
        for job in others:
            scene.desk.wait_status(job, "succeeded")
        scene.desk.wait_reason(hindered, "queued")
    scene.begun(hindered)


def _copy_removed(scene: SiteScene) -> None:
    data = scene.desk.upload(f"{scene.prefix}data.json", DATA.encode())
    fields: dict[str, Any] = {
        "datasets": [data],
        "config": {name: value for name, value in SHORT_RUN.items() if name != "dataset"},
    }
    first = scene.running(**fields)
    scene.shell(f"rm {ROOT}/datasets/*.json")
    second = scene.order(**fields)
    other = scene.order()
    for job in (second, other):
        scene.begun(job)
    scene.lives(first)


def _record_lost(scene: SiteScene) -> None:
    """The attempt's folder takes no file any more when its run ends: only Slurm can tell."""
    job = scene.running()
    slurm_id, folder = scene.slurm_id(job), f"{scene.folder(job)}/1"
    with scene.struck(f"chattr +i {folder}", f"chattr -i {folder}"):
        scene.stand_in.let_go(job)
        scene.until_shell("end in Slurm", _is_over(slurm_id))
    scene.shell(f"rm -f {folder}/exit")


def _unreadable_at_the_end(scene: SiteScene) -> None:
    """The training is done before its folder is closed, and packtrain looks only afterwards."""
    job = scene.running(may_be_corrected=True)
    slurm_id, folder = scene.slurm_id(job), scene.folder(job)
    with scene.stopped_worker():
        scene.stand_in.let_go(job)
        scene.done(job)
        scene.shell(f"mount -t tmpfs -o mode=000 none {folder}")
        scene.until_shell("end in Slurm", _is_over(slurm_id))
    scene.looked_again()
    scene.shell(f"umount {folder}")


def _root_fault(scene: SiteScene, strike: str) -> None:
    runs = scene.running()
    with scene.struck(strike, f"umount {ROOT}"):
        waits = scene.order()
        scene.until_unreachable()
        scene.lives(runs)
    scene.begun(waits)


def _is_over(slurm_id: int) -> str:
    return f"sacct -X -n -P -o State -j {slurm_id} | grep -qE 'COMPLETED|FAILED|CANCELLED'"
