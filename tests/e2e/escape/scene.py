"""Scene of the attacks: alice's jobs and mallory's on one lab, and what is found on the host afterwards."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from container import lab
from packtrain.client import Packtrain
from packtrain.schema import Job
from tests.e2e.escape import lab_files
from tests.e2e.escape.answers import canaries_until_the_end
from tests.e2e.escape.canaries import neighbour, plant, state_of_the_home, uproot
from tests.e2e.escape.inside.attacks import ATTACKS
from tests.e2e.escape.inside.orders import VARIABLE
from tests.e2e.escape.people import (
    Member,
    Victim,
    alice_at_work,
    attack_by_job,
    member,
    orders,
    refused_names,
    root_of,
)
from tests.e2e.site import Site, second_site, wait_for

PLACES = ("/home", "/srv", "/tmp", "/var/tmp", "/dev/shm", "/run", "/etc", "/var/spool", "/opt/lab")
FIND_MARKS = r"""
find {places} \( -path '*/{job}/output' -o -path '*/{job}/*/cache' \) -prune -o -name 'escaped.*' -print \
  -o -type f -size -4M -print0 2>/dev/null | tr '\n' '\0' | xargs -0 grep -soaHE 'escaped\.[a-z0-9_]+\.[a-z_]+' || true
find {places} \( -path '*/{job}/output' -o -path '*/{job}/*/cache' \) -prune -o -name '*escaped.*' -print 2>/dev/null
"""
JUDGED_OUTSIDE = frozenset(
    name for name, tried in ATTACKS.items() if tried.__module__.endswith((".output", ".leftovers"))
)
"""Attacks that bring no evidence themselves, or would end or outlive the scene."""
NEEDS_ROOT = (
    "kernel_settings",
    "kernel_objects",
    "control_groups",
    "control_groups_mounted",
    "devices_made",
    "new_proc",
    "overlay_mounts",
    "file_handles",
)
"""Attacks that an ordinary account cannot make outside of a container either."""


@dataclass(frozen=True)
class Result:
    """What an attack said of itself on a node."""

    evidence: tuple[str, ...]
    refusals: tuple[str, ...]
    fault: str | None


@dataclass(frozen=True)
class Found:
    """What attacks reached."""

    results: Mapping[str, tuple[Result, ...]]
    """By attack, one for each node."""
    marks: frozenset[str]
    """Attacks whose mark is on the host, and where."""

    def of(self, attack: str) -> list[str]:
        """All evidence of an attack."""
        evidence = [found for result in self.results[attack] for found in result.evidence]
        return evidence + [mark for mark in self.marks if mark.startswith(f"{attack}: ")]


@dataclass(frozen=True)
class Attacker:
    """A job of mallory's, ended."""

    nodes: int
    job: Job
    found: Found
    digests: tuple[Mapping[str, str | None], ...]
    served: frozenset[str]
    """Canaries that the API answered."""
    daemons: str


@dataclass(frozen=True)
class Scene:
    """All that the tests judge by."""

    attackers: Mapping[int, Attacker]
    """By number of nodes."""
    control: tuple[Found, ...]
    """What the attacks reach without a container, by the service account and by root."""
    refused_names: set[str]
    home_before: Mapping[str, str]
    home_after: Mapping[str, str]
    victim: Victim
    running_after: Job
    steps: tuple[int, int]
    pending_after: Job
    changed_script_ran: bool
    """Whether the pending job's nodes ran what the control wrote into its script after Slurm had taken it."""
    neighbour_lives: bool
    secret_marks: frozenset[str]


@contextmanager
def played(cluster: lab.Lab, folder: Path) -> Iterator[Scene]:
    """The whole scene, played on a packtrain of its own."""
    lab_files.install(cluster)
    with second_site(folder, cluster, lab_files.clusters_toml(cluster)) as site, neighbour(cluster) as beside:
        plant(cluster)
        mallory = member(site, "mallory")
        with member(site, "alice").client as alice, mallory.client:
            try:
                yield _play(site, alice, mallory, beside)
            finally:
                _clear(site)


def _play(site: Site, alice: Packtrain, mallory: Member, beside: "subprocess.Popen[str]") -> Scene:
    victim = alice_at_work(site, alice, site.state)
    before, step = state_of_the_home(site.lab), alice.progress(victim.running["id"])["current_steps"] or 0
    attackers = {nodes: _attacker(site, mallory, victim, nodes) for nodes in (1, 2)}
    after, lives = state_of_the_home(site.lab), beside.poll() is None
    control = _outside(site, victim)
    running = alice.job(victim.running["id"])
    steps = step, alice.progress(victim.running["id"])["current_steps"] or 0
    pending = _pending_run(alice, victim)
    return Scene(
        attackers=attackers,
        control=control,
        refused_names=refused_names(mallory.client),
        home_before=before,
        home_after=after,
        victim=victim,
        running_after=running,
        steps=steps,
        pending_after=pending,
        changed_script_ran=any(mark.endswith(".run") for mark in marks(site, "control")),
        neighbour_lives=lives,
        secret_marks=marks(site, "secret"),
    )


def _attacker(site: Site, mallory: Member, victim: Victim, nodes: int) -> Attacker:
    job = attack_by_job(site, mallory.client, victim, nodes)
    served = canaries_until_the_end(site, mallory, job)
    lines = [_lines(site, job["id"], rank) for rank in range(nodes)]
    return Attacker(
        nodes=nodes,
        job=mallory.client.job(job["id"]),
        found=Found(_results(lines), marks(site, job["id"])),
        digests=tuple(found["secrets"]["digests"] for found in lines if "secrets" in found),
        served=frozenset(served),
        daemons=site.lab.run("bash", "-c", f"ps -e -o args | grep -F 'escaped.{job['id']}.' | grep -v grep || true"),
    )


def _outside(site: Site, victim: Victim) -> tuple[Found, ...]:
    """The control: the same attacks without a container, by the service account and by root."""
    wanted = tuple(name for name in ATTACKS if name not in {*JUDGED_OUTSIDE, *NEEDS_ROOT})
    text = _control_orders(site, victim, "control", wanted)
    site.on_cluster(f"cd /srv/escape && {VARIABLE}={text} python3 -m inside 5</home/packtrain")
    text = _control_orders(site, victim, "root", NEEDS_ROOT)
    site.lab.run("env", "-C", "/srv/escape", f"{VARIABLE}={text}", "python3", "-m", "inside")
    return tuple(Found(_results([_lines(site, job, 0)]), marks(site, job)) for job in ("control", "root"))


def _control_orders(site: Site, victim: Victim, job: str, only: tuple[str, ...]) -> str:
    """Orders for a folder like that of a job."""
    folder = f"{root_of(site)}/jobs/{job}"
    files = "job.sh config.yaml stdout.log stderr.log inside.pyz"
    folders = f"mkdir -p {folder}/output {folder}/1/{{data,secrets,cache}} && cd {folder}/1"
    site.on_cluster(f"{folders} && touch {files} && ln -s x ../output.owner && ln -s 1 claim")
    return orders(site, job, victim, only=only).text()


def _pending_run(alice: Packtrain, victim: Victim) -> Job:
    """Alice's pending job, once her running one has made room and it has run itself."""
    alice.cancel(victim.queued["id"])
    alice.cancel(victim.running["id"], save=True)
    wait_for("end", lambda: alice.job(victim.pending["id"])["status"] in ("succeeded", "failed", "cancelled") or None)
    return alice.job(victim.pending["id"])


def _clear(site: Site) -> None:
    """Nothing of the scene is left on the lab for the tests after it."""
    with site.client() as administrator:
        jobs = administrator.jobs(limit=100, status=["pending", "running"])["data"]
    if jobs:
        site.on_cluster(" ".join(["scancel --quiet", *(str(job["slurm_job_id"]) for job in jobs)]))
    uproot(site.lab)


def marks(site: Site, job: str) -> frozenset[str]:
    """Attacks whose marks are anywhere on the host but in the attacker's output and cache, with the path."""
    text = site.lab.run("bash", "-c", FIND_MARKS.format(places=" ".join(PLACES), job=job))
    pattern = re.compile(rf"escaped\.{job}\.([a-z_]+)")
    return frozenset(f"{found[1]}: {line}" for line in text.splitlines() if (found := pattern.search(line)))


def _results(nodes: list[dict[str, dict[str, Any]]]) -> dict[str, tuple[Result, ...]]:
    names = {name for lines in nodes for name in lines if name in ATTACKS}
    return {name: tuple(_result(lines[name]) for lines in nodes if name in lines) for name in names}


def _result(line: Mapping[str, Any]) -> Result:
    return Result(tuple(line.get("evidence", ())), tuple(line.get("refusals", ())), line["fault"])


def _lines(site: Site, job: str, rank: int) -> dict[str, dict[str, Any]]:
    """The lines of a node by attack; the output folder may have been moved."""
    folder = site.lab.root_dir / root_of(site).lstrip("/") / "jobs" / job
    file = next(iter(folder.glob(f"output*/results.{rank}.jsonl")), None)
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file else []
    return {line["name"]: line for line in found}
