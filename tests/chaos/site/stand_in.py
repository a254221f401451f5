"""Stand-ins for Apptainer and the training on the lab's nodes, and the log in which each training tells of itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from container import lab

FOLDER = "/srv/chaos"
LAST_STEP = 6
SAVED_STEP = 3
# The container's programs run on the node itself, with the container's variables.
APPTAINER = """\
for name in "${!APPTAINERENV_@}"; do export "${name#APPTAINERENV_}=${!name}"; done
while [ "$1" != python3 ]; do shift; done
exec "$@"
"""
# The lock is the kernel's: it goes with the process, however that ends. Each line is one write to the end of the log.
TRAINING = rf"""
attempt=$PACKTRAIN_ATTEMPT output=${{PACKTRAIN_OWNER_LINK%.owner}}
job=$(basename "${{attempt%/*}}")
say() {{ echo "$1 $job ${{attempt##*/}} $SLURM_JOB_ID" >>{FOLDER}/log; }}
weights() {{ printf '\x02\0\0\0\0\0\0\0{{}}' >"$1/adapter_model.safetensors"; }}
state() {{ echo "{{\"global_step\": $2, \"max_steps\": {LAST_STEP}, \"log_history\": []}}" >"$1/trainer_state.json"; }}
step() {{
  local times='"elapsed_time": "0:00:01", "remaining_time": "0:00:01"'
  local rest="\"loss\": 1.5, \"lr\": 1e-4, \"epoch\": 0.5, \"percentage\": 50.0, $times"
  echo "{{\"current_steps\": $1, \"total_steps\": {LAST_STEP}, $rest}}" >>"$output/trainer_log.jsonl"
}}

exec {{lock}}>>"{FOLDER}/locks/$job"
flock --nonblock "$lock" || say twice
trap 'exit 143' TERM
say begin
step 1
until [ -e "{FOLDER}/go/$job" ] || [ -e {FOLDER}/go/all ]; do
  if [ -e "$attempt/stop" ]; then
    mkdir -p "$output/checkpoint-{SAVED_STEP}"
    weights "$output/checkpoint-{SAVED_STEP}"
    state "$output/checkpoint-{SAVED_STEP}" {SAVED_STEP}
    say saved
    exit 0
  fi
  sleep 0.1 {{lock}}>&-
done
step {LAST_STEP}
weights "$output"
state "$output" {LAST_STEP}
echo '{{"train_loss": 1.5, "train_runtime": 1.0, "epoch": 1.0}}' >"$output/train_results.json"
say end
"""
FOLDERS = f"mkdir -p {FOLDER}/locks {FOLDER}/go && : >>{FOLDER}/log && chown -R packtrain: {FOLDER}"


@dataclass(frozen=True)
class Line:
    """What a training said: `begin`, `saved`, `end`; `twice` when another of its job ran at that moment."""

    word: str
    job_id: str
    attempt: int
    slurm_job_id: int


class StandIn:
    """The training image of the lab as a stand-in, there only when it is asked for."""

    def __init__(self, cluster: lab.Lab, image: str) -> None:
        self._lab = cluster
        self._folder = cluster.root_dir / FOLDER.removeprefix("/")
        self._image = cluster.root_dir / image.removeprefix("/")

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The image is there for as long as the block lasts; trainings that still run end with it."""
        for name, program in (("apptainer", APPTAINER), ("llamafactory-cli", TRAINING)):
            self._install(name, f"#!/bin/bash\n{program}")
        self._lab.run("bash", "-c", FOLDERS)
        (self._folder / "go/all").unlink(missing_ok=True)
        self._image.parent.mkdir(parents=True, exist_ok=True)
        self._image.touch()
        try:
            yield
        finally:
            self.let_all_go()
            self._image.unlink()

    def let_go(self, job_id: str) -> None:
        """Let the training of a job come to its end."""
        (self._folder / "go" / job_id).touch()

    def let_all_go(self) -> None:
        """Let every training come to its end, also those that have not begun."""
        (self._folder / "go/all").touch()

    def lines(self, job_id: str) -> list[Line]:
        """Everything that the trainings of a job have said, in order."""
        words = [line.split() for line in (self._folder / "log").read_text(encoding="utf-8").splitlines()]
        return [Line(word, job, int(attempt), int(slurm)) for word, job, attempt, slurm in words if job == job_id]

    def has_begun(self, job_id: str, times: int = 1) -> bool:
        """Whether the trainings of a job have begun so often."""
        return sum(line.word == "begin" for line in self.lines(job_id)) >= times

    def is_done(self, job_id: str) -> bool:
        """Whether a training of a job has come to its end."""
        return any(line.word == "end" for line in self.lines(job_id))

    def _install(self, name: str, program: str) -> None:
        file = self._lab.root_dir / "usr/local/bin" / name
        file.write_text(program, encoding="utf-8")
        file.chmod(0o755)
