"""Stand-ins for Apptainer and the training on a lab's nodes: a training sleeps so long as its request says.

Everything around it is what runs every day: Slurm, sshd, the batch script, the files that a training leaves. Each
training tells in a log when it begins and ends.
"""

from dataclasses import dataclass

from container import lab
from tests.chaos.site.stand_in import APPTAINER

TENTHS = "max_steps"
"""The argument of the request that is the length of the sleep, in tenths of a second."""
_FOLDER = "/srv/sleepers"
# The lock is the kernel's: it goes with the process, however that ends. Each line is one write to the end of the log.
_TRAINING = rf"""
attempt=$PACKTRAIN_ATTEMPT output=${{PACKTRAIN_OWNER_LINK%.owner}}
job=$(basename "${{attempt%/*}}")
say() {{ echo "$1 $job ${{attempt##*/}} $SLURM_JOB_ID" >>{_FOLDER}/log; }}
tenths=0
while read -r name value; do [ "$name" != {TENTHS}: ] || tenths=$value; done <"$2"

exec {{lock}}>>"{_FOLDER}/locks/$job"
flock --nonblock "$lock" || say twice
say begin
sleep "$((tenths / 10)).$((tenths % 10))" {{lock}}>&-
printf '\x02\0\0\0\0\0\0\0{{}}' >"$output/adapter_model.safetensors"
echo '{{"global_step": 1, "max_steps": 1, "log_history": []}}' >"$output/trainer_state.json"
echo '{{"train_loss": 1.5, "train_runtime": 1.0, "epoch": 1.0}}' >"$output/train_results.json"
say end
"""


@dataclass(frozen=True)
class Line:
    """A word of a training: `begin`, `end`; `twice` where another of its job ran at that moment."""

    word: str
    job_id: str
    attempt: int
    slurm_job_id: int


def install(cluster: lab.Lab) -> None:
    """Put the stand-ins in the places of the image and of Apptainer."""
    for name, program in (("apptainer", APPTAINER), ("llamafactory-cli", _TRAINING)):
        file = cluster.root_dir / "usr/local/bin" / name
        file.write_text(f"#!/bin/bash\n{program}", encoding="utf-8")
        file.chmod(0o755)
    folders = f"mkdir -p {_FOLDER}/locks && : >>{_FOLDER}/log && chown -R packtrain: {_FOLDER}"
    cluster.run("bash", "-c", f"{folders} && touch {lab.cluster.IMAGE}")


def lines(cluster: lab.Lab) -> list[Line]:
    """Everything that the trainings have said, in order."""
    text = (cluster.root_dir / _FOLDER.removeprefix("/") / "log").read_text(encoding="utf-8")
    words = (line.split() for line in text.splitlines())
    return [Line(word, job, int(attempt), int(slurm)) for word, job, attempt, slurm in words]
