"""Record the transcripts anew from a lab that is up: `python -m tests.transcripts.record --state DIR`.

    python -m container.lab up --bare --profile trixie --state DIR

Ids, times and ports differ from one recording to the next; tests rely on none of them.
"""

import argparse
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from container import lab as labs
from tests.transcripts import HERE, Transcript

FOLDERS = {labs.Profile.TRIXIE: "slurm-24.11", labs.Profile.BOOKWORM: "slurm-22.05"}
QUEUE_FIELDS = "%i %T %r %V %S %e %M %l %P %N %b %Z %j %k".replace(" ", "\x1f")
NODE_FIELDS = "%N %T %P %a %c %m %G %f %l".replace(" ", "\x1f")
SQUEUE = f"squeue -h -r -t all -u packtrain -o '{QUEUE_FIELDS}'"
SACCT = (
    "SLURM_TIME_FORMAT=%s sacct -X -D -P -n -S now-1hour -o JobIDRaw,State,ExitCode,Submit,Start,End,NodeList,Reason"
)
TOKEN = "--job-name=packtrain-42-1 --comment='packtrain:42:1:9f8e7d6c'"


class Recorder:
    """Runs commands in a lab by ssh and keeps some of the answers."""

    def __init__(self, lab: labs.Lab) -> None:
        self.lab = lab
        self.folder = HERE / FOLDERS[lab.profile]
        self.folder.mkdir(exist_ok=True)
        self.run("scancel -u packtrain; rm -f slurm-*.out")

    def run(self, command: str) -> Transcript:
        line = self.lab.ssh_command(f"export LC_ALL=C TZ=UTC; {command}")
        done = subprocess.run(line, capture_output=True, check=False)
        return Transcript(command, done.returncode, done.stdout.decode(), done.stderr.decode())

    def keep(self, name: str, command: str) -> Transcript:
        """Run a command and write its transcript."""
        transcript = self.run(command)
        (self.folder / f"{name}.txt").write_bytes(transcript.text().encode())
        return transcript

    def submit(self, options: str, body: str = "sleep 300") -> str:
        """Submit a job and return its id."""
        answer = self.run(f"sbatch --parsable {options} --output=/dev/null --wrap={body!r}")
        if answer.exit_status:
            raise RuntimeError(answer.stderr)
        return answer.stdout.strip()

    def root(self, *command: str) -> None:
        subprocess.run(self.lab.exec_command(*command), check=True, capture_output=True)

    def wait(self, job: str, state: str, seconds: int = 180) -> None:
        deadline = time.monotonic() + seconds
        while state not in self.run(f"scontrol -o show job {job}").stdout:
            if time.monotonic() > deadline:
                raise TimeoutError(f"job {job} is not {state}")
            time.sleep(0.3)


def refusals(rec: Recorder) -> None:
    """sbatch says no, in its own words."""
    sbatch = f"sbatch --parsable {TOKEN}"
    rec.run("printf '#!/bin/bash\\nsleep 1\\n' >job.sh; printf 'sleep 1\\n' >plain.sh")
    rec.keep("sbatch-ok", f"{sbatch} --dependency=singleton --gres=gpu:1 job.sh")
    rec.keep("sbatch-try-ok", "SLURM_TIME_FORMAT=%s sbatch --test-only --gres=gpu:1 job.sh")
    rec.keep("sbatch-try-bad-account", "sbatch --test-only --account=nobody job.sh")
    rec.keep("sbatch-try-too-many-gpus", "sbatch --test-only --gres=gpu:9 job.sh")
    rec.keep("sbatch-bad-partition", f"{sbatch} --partition=nowhere job.sh")
    rec.keep("sbatch-bad-account", f"{sbatch} --account=nobody job.sh")
    rec.keep("sbatch-bad-qos", f"{sbatch} --qos=nothing job.sh")
    rec.keep("sbatch-bad-constraint", f"{sbatch} --constraint=h100 job.sh")
    rec.keep("sbatch-bad-gres-type", f"{sbatch} --gres=gpu:h100:1 job.sh")
    rec.keep("sbatch-too-many-gpus", f"{sbatch} --gres=gpu:9 job.sh")
    rec.keep("sbatch-too-many-nodes", f"{sbatch} --nodes=3 job.sh")
    rec.keep("sbatch-too-many-cpus", f"{sbatch} --cpus-per-task=999 job.sh")
    rec.keep("sbatch-too-much-memory", f"{sbatch} --mem=900G job.sh")
    rec.keep("sbatch-time-over-partition", f"{sbatch} --partition=short --time=02:00:00 job.sh")
    rec.keep("sbatch-bad-time", f"{sbatch} --time=soon job.sh")
    rec.keep("sbatch-bad-option", f"{sbatch} --colour=red job.sh")
    rec.keep("sbatch-no-script", f"{sbatch} missing.sh")
    rec.keep("sbatch-no-shebang", f"{sbatch} plain.sh")
    rec.keep("sbatch-bad-dependency", f"{sbatch} --dependency=afterok:999999 job.sh")
    if rec.lab.profile is labs.Profile.TRIXIE:
        ids = [rec.submit("--qos=limited --hold") for _ in range(2)]
        rec.keep("sbatch-qos-submit-limit", f"{sbatch} --qos=limited job.sh")
        rec.run(f"scancel {' '.join(ids)}")


def queue(rec: Recorder) -> None:
    """Live jobs in every state that a queue shows."""
    failed = rec.submit("", "exit 3")
    rec.wait(failed, "JobState=FAILED")
    running = rec.submit(f"{TOKEN} --gres=gpu:a100:2 --time=00:30:00")
    rec.wait(running, "JobState=RUNNING")
    rec.keep("squeue-running", SQUEUE)
    rec.keep("scontrol-show-job-running", f"scontrol show job {running}")
    full = rec.submit("--nodes=2 --gres=gpu:4 --time=00:30:00")
    held = rec.submit("--hold")
    later = rec.submit("--begin=now+1hour")
    twin = rec.submit(f"{TOKEN} --dependency=singleton")
    never = rec.submit(f"--dependency=afterok:{failed}")
    array = rec.submit("--array=1-3 --hold")
    odd = rec.submit("--hold --job-name='we|ird ; name' --comment='a|b \"c\" ü'")
    time.sleep(4)  # for the scheduler to give its reasons
    rec.keep("squeue-mixed", SQUEUE)
    rec.keep("squeue-start", "squeue -h --start -u packtrain -o '%i\x1f%S\x1f%r'")
    rec.keep("squeue-by-name", "squeue -h -t all --name=packtrain-42-1 -o '%i\x1f%T\x1f%k'")
    rec.keep("scontrol-show-job-pending", f"scontrol show job {full}")
    rec.run(f"scancel {full} {held} {later} {twin} {never} {array} {odd}")
    stubborn = rec.submit("--gres=gpu:1", 'trap "" TERM; while :; do sleep 1; done')
    rec.wait(stubborn, "JobState=RUNNING")
    time.sleep(1)
    rec.keep("scancel-running", f"scancel {stubborn}")
    time.sleep(1)
    rec.keep("squeue-completing", SQUEUE)
    rec.run(f"scancel {running}")
    rec.keep("scancel-unknown", "scancel 999999")
    rec.keep("scancel-finished", f"scancel {running}")
    rec.keep("squeue-one-gone", f"squeue -h -j 999999 -o '{QUEUE_FIELDS}'")
    rec.keep("squeue-two-gone", f"squeue -h -j 999998,999999 -o '{QUEUE_FIELDS}'")
    rec.keep("scontrol-show-job-gone", "scontrol show job 999999")


def endings(rec: Recorder) -> None:
    """Jobs that ended in every way that is easily had; squeue forgets them after MinJobAge, five minutes."""
    done = rec.submit("", "true")
    victim = rec.submit("--partition=preempt --nodes=2 --exclusive")
    rec.wait(done, "COMPLETED")
    rec.wait(victim, "RUNNING")
    winner = rec.submit("--partition=gpu --nodes=2 --gres=gpu:4 --cpus-per-task=7", "sleep 5")
    rec.wait(victim, "Restarts=1")
    rec.keep("squeue-requeued", SQUEUE)
    rec.wait(winner, "COMPLETED")
    rec.run(f"scancel {victim}")
    late = rec.submit("--time=00:01:00")
    rec.wait(late, "TIMEOUT")
    lost = rec.submit("--no-requeue --nodelist=n2")
    rec.wait(lost, "RUNNING")
    rec.root("scontrol", "update", "nodename=n2", "state=down", "reason=test")
    rec.wait(lost, "NODE_FAIL")
    rec.keep("sinfo-node-down", f"sinfo -h -N -o '{NODE_FIELDS}'")
    rec.root("scontrol", "update", "nodename=n2", "state=idle")
    rec.keep("squeue-ended", SQUEUE)
    rec.keep("scontrol-show-job-timeout", f"scontrol show job {late}")
    time.sleep(2)
    rec.keep("sacct", SACCT)
    rec.keep("sacct-unknown-job", f"{SACCT} -j 999998,999999")


def cluster(rec: Recorder) -> None:
    """What a client may ask about the cluster itself."""
    rec.keep("sinfo-nodes", f"sinfo -h -N -o '{NODE_FIELDS}'")
    rec.keep("sinfo-partitions", "sinfo -h -o '%P\x1f%a\x1f%l\x1f%D\x1f%G\x1f%c\x1f%m'")
    rec.keep("scontrol-show-partitions", "scontrol -o show partition")
    rec.keep("scontrol-show-nodes", "scontrol -o show node")
    rec.keep("scontrol-ping", "scontrol ping")
    rec.keep("version", "sbatch --version")
    rec.keep("sacctmgr-associations", "sacctmgr -n -P show assoc user=packtrain format=cluster,account,user,qos")


def outages(rec: Recorder) -> None:
    """The controller does not run, then does not answer; then the accounting does not run."""
    down_frozen = {"down": ("pkill", "-KILL", "slurmctld"), "frozen": ("pkill", "-STOP", "slurmctld")}
    for word, command in down_frozen.items():
        rec.root(*command)
        rec.keep(f"squeue-slurmctld-{word}", SQUEUE)
        rec.keep(f"sbatch-slurmctld-{word}", f"sbatch --parsable {TOKEN} job.sh")
        rec.keep(f"scancel-slurmctld-{word}", "scancel 1")
        rec.keep(f"sinfo-slurmctld-{word}", f"sinfo -h -N -o '{NODE_FIELDS}'")
        rec.root(*(["pkill", "-CONT", "slurmctld"] if word == "frozen" else ["/opt/lab/start.sh", "slurmctld"]))
        time.sleep(3)
    if rec.lab.profile is labs.Profile.TRIXIE:
        rec.root("pkill", "slurmdbd")
        time.sleep(1)
        rec.keep("sacct-slurmdbd-down", SACCT)
        rec.root("/opt/lab/start.sh", "slurmdbd")


SCENES: tuple[Callable[[Recorder], None], ...] = (cluster, refusals, queue, endings, outages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--only", choices=[scene.__name__ for scene in SCENES])
    options = parser.parse_args()
    lab = labs.status(options.state)
    if lab is None:
        raise SystemExit(f"no lab is up on {options.state}")
    for scene in SCENES:
        if options.only in (None, scene.__name__):
            scene(Recorder(lab))


if __name__ == "__main__":
    main()
