"""People of the scene: alice, whose jobs are ended, running, pending and queued, and mallory, who attacks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from container import stack
from packtrain.client import Packtrain
from packtrain.errors import ApiError
from packtrain.schema import Job, Resources
from tests.e2e.escape.canaries import new_canary
from tests.e2e.escape.inside.orders import VARIABLE, Orders
from tests.e2e.escape.lab_files import TOOLS
from tests.e2e.site import SHORT_RUN, Site, wait_for, wait_status

HOME = "/home/packtrain"
TOUCHED = f"{HOME}/escaped.secret"
VALUES = {
    "SHELL_API_KEY": f"x$(touch {TOUCHED}.dollar)y",
    "BACKTICK_API_KEY": f"`touch {TOUCHED}.backtick`",
    "QUOTES_PASSWORD": f"""'"'\\"; touch {TOUCHED}.quotes; $HOME ${{PATH}} \\n \\ & | < > ( ) {{ }} * ? [ ] ! # ~ %s""",
    "UNICODE_SECRET": "日本語 ü 🦙 \u202e \u00a0",
    "BLANKS_TOKEN": "  a  b   ",
    "LINES_KEY": f"-----BEGIN-----\n$(touch {TOUCHED}.lines)\r\n\n\t-----END-----\n",
    "LONG_TOKEN": f"{'$(id)' * 12_000}$(touch {TOUCHED}.long)",
    "APPTAINER_BINDPATH_KEY": "/:/hostroot",
    "SINGULARITY_BIND_KEY": "/:/media/hostroot",
    "APPTAINERENV_PREPEND_PATH_KEY": "/srv/escape",
}
"""Mallory's secrets, which arrive as they are."""
FORBIDDEN = (
    "PATH",
    "LD_PRELOAD",
    "PYTHONPATH",
    "BASH_ENV",
    "APPTAINER_BINDPATH",
    "APPTAINERENV_LD_PRELOAD",
    "SINGULARITY_BIND",
    "SLURM_CONF",
)
"""Names that would change how a run is started."""

ON_THE_FIRST_NODE: Resources = {"exclude": "n2"}
WHOLE_NODE: Resources = {**ON_THE_FIRST_NODE, "memory": "250G"}
RUN = {**SHORT_RUN, "max_steps": 2, "logging_steps": 1}
ENDLESS = {**SHORT_RUN, "max_steps": 100_000}


@dataclass(frozen=True)
class Victim:
    """Alice's jobs, and the canaries that belong to them."""

    ended: Job
    running: Job
    pending: Job
    queued: Job
    canaries: Mapping[str, str]

    @property
    def jobs(self) -> tuple[str, ...]:
        """The ids of all."""
        return tuple(job["id"] for job in (self.running, self.pending, self.ended, self.queued))


@dataclass(frozen=True)
class Member:
    """An ordinary member of the lab."""

    client: Packtrain
    token: str


def member(site: Site, name: str) -> Member:
    """A new member with a token."""
    token = stack.packtrain(["token", "create", name, "--quiet"], stack.settings(site.state, site.port)).strip()
    return Member(Packtrain(site.env()["PACKTRAIN_URL"], token), token)


def alice_at_work(site: Site, alice: Packtrain, folder: Path) -> Victim:
    """Her jobs, once the first has ended, the second trains and the third waits in Slurm."""
    canaries = {kind: new_canary(kind) for kind in ("secret", "data", "config", "output")}
    alice.keep_secret("WANDB_API_KEY", f"{canaries['secret']} $'\"é")
    rows = [{"instruction": canaries["data"], "input": "", "output": f"row {number}"} for number in range(20)]
    (folder / "rows.json").write_text(json.dumps(rows))
    common: dict[str, Any] = {
        "datasets": [alice.upload_dataset(folder / "rows.json")["id"]],
        "secrets": ["WANDB_API_KEY"],
    }
    config = {key: value for key, value in RUN.items() if key != "dataset"} | {"run_name": canaries["config"]}
    ended = alice.submit(config=config, resources=ON_THE_FIRST_NODE, **common)
    running = alice.submit(config={**config, "max_steps": ENDLESS["max_steps"]}, resources=ON_THE_FIRST_NODE, **common)
    pending = alice.submit(config=config, resources=WHOLE_NODE, **common)
    queued = alice.submit(config=config, depends_on=[pending["id"]], **common)
    ended = wait_status(alice, ended["id"], "succeeded")
    wait_for("first step", lambda: alice.progress(running["id"])["current_steps"])
    pending = wait_status(alice, pending["id"], "pending")
    site.on_cluster(f"echo {canaries['output']} >{root_of(site)}/jobs/{ended['id']}/output/notes.txt")
    return Victim(ended, alice.job(running["id"]), pending, queued, canaries)


def refused_names(mallory: Packtrain) -> set[str]:
    """Those of the forbidden names under which no secret is taken."""
    refused = set()
    for name in FORBIDDEN:
        try:
            mallory.keep_secret(name, "/:/hostroot")
        except ApiError:
            refused.add(name)
    return refused


def attack_by_job(site: Site, mallory: Packtrain, victim: Victim, nodes: int) -> Job:
    """A job of mallory's; what it is to attack is told by a secret, once its id is known."""
    for name, value in VALUES.items():
        mallory.keep_secret(name, value)
    mallory.keep_secret(VARIABLE, "not yet known")
    job = mallory.submit(
        config=SHORT_RUN,
        secrets=[VARIABLE, *VALUES],
        resources={"nodes": nodes, "time_limit": "00:10:00", **({} if nodes > 1 else ON_THE_FIRST_NODE)},
        held=True,
    )
    mallory.keep_secret(VARIABLE, orders(site, job["id"], victim, tuple(VALUES)).text())
    return mallory.release(job["id"])


def orders(site: Site, job: str, victim: Victim, values: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> Orders:
    """All that mallory might know."""
    slurm_jobs = tuple(str(job["slurm_job_id"]) for job in (victim.running, victim.pending))
    return Orders(root_of(site), HOME, job, victim.jobs, slurm_jobs, TOOLS, values, only)


def root_of(site: Site) -> str:
    """Packtrain's root on the lab."""
    return f"{HOME}/{site.state.name}"
