"""Shell questions for a login node, and the judgement of each answer. Pure."""

import json
import re
import shlex

from ops.doctor.check import Answer, Check, Question
from ops.doctor.container_command import after_prelude
from packtrain.cli.text.units import size
from tuning.settings import ClusterSettings
from tuning.slurm.programs.submit_program import OLDEST_BASH

FOLDER = "folder"
"""The name of the question that the others stand on: our folder."""
_LOW_BYTES = 10 * 1000**3
_NEWER_BASH = f"put bash {'.'.join(map(str, OLDEST_BASH))} or newer first on the PATH of the account, on the login node"
_DF_LINE = re.compile(r"\s(\d+)\s+(\d+)\s+(\d+)\s+\d+%\s+/")


def questions(cluster: ClusterSettings) -> list[Question]:
    """Questions of the doctor, in the order in which one needs the other."""
    asked = [_root(cluster), _shell(), _programs(cluster), _controller(), _accounting(cluster)]
    asked += [_partitions(cluster), _image(cluster), _apptainer(cluster)]
    if cluster.models:
        asked.append(_models(cluster))
    if cluster.llamafactory_checkout is not None:
        asked.append(_checkout(cluster.llamafactory_checkout))
    return asked


def _root(cluster: ClusterSettings) -> Question:
    name, root = FOLDER, shlex.quote(cluster.root)
    script = f'mkdir -p {root} && probe=$(mktemp {root}/.doctor.XXXXXX) && rm -f "$probe" && df -Pk {root}'
    script += f" && {{ grep -s '^by=' {root}/owner || :; }}"

    def judge(answer: Answer) -> Check:
        if answer.exit_status != 0:
            fix = f"make {cluster.root} on the cluster and give it to {cluster.user}"
            return Check(name, "failed", f"{cluster.root} is not writable: {answer.complaint}", fix)
        found = _DF_LINE.search(answer.stdout)
        free = int(found[3]) * 1024 if found else None
        if free is None:
            return Check(name, "warning", f"{cluster.root} is writable; how much is free cannot be told")
        driver = re.search(r"^by=(\S{1,200})$", answer.stdout, re.MULTILINE)
        driven = f", driven by the worker {driver[1]}" if driver else ""
        detail = f"{cluster.root} is writable, {size(free)} free{driven}"
        if free < _LOW_BYTES:
            return Check(name, "warning", detail, "free some space: checkpoints are large")
        return Check(name, "ok", detail)

    return Question(name, script, judge)


def _shell() -> Question:
    name = "shell"

    def judge(answer: Answer) -> Check:
        found = re.search(r"^(\d+)\.(\d+)\S*$", answer.stdout, re.MULTILINE)
        if found is None:
            return Check(name, "failed", f"bash does not tell its version: {answer.complaint}", _NEWER_BASH)
        if (int(found[1]), int(found[2])) < OLDEST_BASH:
            return Check(name, "failed", f"bash {found[0]} is too old", _NEWER_BASH)
        return Check(name, "ok", f"bash {found[0]}")

    return Question(name, "bash -c 'echo \"$BASH_VERSION\"'", judge)


def _programs(cluster: ClusterSettings) -> Question:
    name = "slurm"
    needed = ["sbatch", "squeue", "scancel", "scontrol", "sinfo", *(["sacct"] if cluster.accounting else [])]
    script = f'for p in {" ".join(needed)}; do command -v "$p" >/dev/null || echo "missing $p"; done; sbatch --version'

    def judge(answer: Answer) -> Check:
        missing = re.findall(r"^missing (\S+)$", answer.stdout, re.MULTILINE)
        if missing:
            fix = f"put Slurm's programs on the PATH of {cluster.user}'s non-interactive shell, on the login node"
            return Check(name, "failed", f"not found: {', '.join(missing)}", fix)
        version = re.search(r"^slurm\S* (\S+)$", answer.stdout, re.MULTILINE)
        if version is None:
            return Check(name, "failed", f"sbatch does not tell its version: {answer.complaint}")
        return Check(name, "ok", f"Slurm {version[1]}: {', '.join(needed)}")

    return Question(name, script, judge)


def _controller() -> Question:
    name = "slurmctld"

    def judge(answer: Answer) -> Check:
        if re.search(r"^Slurmctld\(primary\).* is UP", answer.stdout, re.MULTILINE):
            return Check(name, "ok", "answers")
        fix = "ask the cluster's administrators: scontrol ping says that it is down"
        return Check(name, "failed", answer.complaint, fix)

    return Question(name, "scontrol ping", judge)


def _accounting(cluster: ClusterSettings) -> Question:
    name = "accounting"

    def judge(answer: Answer) -> Check:
        works = answer.exit_status == 0
        if works == cluster.accounting:
            return Check(name, "ok", "sacct answers" if works else "none here, and accounting = false")
        if works:
            return Check(name, "warning", "sacct answers, but accounting = false", "set accounting = true")
        return Check(name, "failed", answer.complaint, "set accounting = false where the site has no slurmdbd")

    return Question(name, "sacct -X -n -P -S now-1hour -o JobIDRaw", judge)


def _partitions(cluster: ClusterSettings) -> Question:
    name = "partitions"

    def judge(answer: Answer) -> Check:
        rows = [line.split() for line in answer.stdout.splitlines() if len(line.split()) >= 3]
        if answer.exit_status != 0 or not rows:
            return Check(name, "failed", f"sinfo names none: {answer.complaint}")
        detail = ", ".join(sorted({f"{row[0]} ({f'up to {row[2]}' if row[1] == 'up' else row[1]})" for row in rows}))
        known = {row[0].rstrip("*") for row in rows if row[1] == "up"}
        wanted = cluster.defaults.partition
        if wanted is not None and wanted not in known:
            return Check(name, "failed", f"{wanted} is not up: {detail}", "change defaults.partition")
        if wanted is None and not any(row[0].endswith("*") for row in rows):
            return Check(name, "warning", f"Slurm has no default: {detail}", "set defaults.partition")
        return Check(name, "ok", detail)

    return Question(name, "sinfo -a -h -o '%P %a %l %G'", judge)


def _image(cluster: ClusterSettings) -> Question:
    name, image = "image", shlex.quote(cluster.image)

    def judge(answer: Answer) -> Check:
        if answer.exit_status == 0 and answer.stdout.strip().isdigit():
            return Check(name, "ok", f"{cluster.image}, {size(int(answer.stdout))}")
        fix = f"build it (container/llamafactory.def) and copy it to {cluster.image}"
        return Check(name, "failed", answer.complaint, fix)

    return Question(name, f"head -c 1 {image} >/dev/null && stat -L -c %s {image}", judge)


def _apptainer(cluster: ClusterSettings) -> Question:
    name = "apptainer"
    program, image = shlex.quote(cluster.container_command), shlex.quote(cluster.image)
    script = f"command -v {program} >/dev/null || exit 66; {program} --version && {program} exec {image} true"

    def judge(answer: Answer) -> Check:
        if answer.exit_status == 66:
            detail = "not on the login node; it may still be on the compute nodes"
            return Check(name, "warning", detail, "try it there with --submit")
        if answer.exit_status != 0:
            fix = f"run `{program} exec IMAGE true` there: user namespaces or squashfuse may be missing"
            return Check(name, "failed", f"cannot start the image: {answer.complaint}", fix)
        return Check(name, "ok", f"{answer.stdout.splitlines()[0]} starts the image")

    return Question(name, after_prelude(cluster, script), judge, timeout_seconds=300.0)


def _models(cluster: ClusterSettings) -> Question:
    name = "models"
    names = dict(enumerate(cluster.models))
    paths = (shlex.quote(f"{path}/config.json") for path in cluster.models.values())
    tests = (f"test -r {path} || echo {number}" for number, path in enumerate(paths))

    def judge(answer: Answer) -> Check:
        missing = [names[int(line)] for line in answer.stdout.split()]
        if missing:
            fix = f"correct [clusters.{cluster.name}.models]"
            return Check(name, "failed", f"no config.json for: {', '.join(missing)}", fix)
        return Check(name, "ok", ", ".join(cluster.models))

    return Question(name, "; ".join(tests), judge)


def _checkout(folder: str) -> Question:
    name = "data sets"
    path = f"{folder}/data/dataset_info.json"

    def judge(answer: Answer) -> Check:
        if answer.exit_status != 0:
            return Check(name, "failed", answer.complaint, "correct llamafactory_checkout")
        try:
            entries = json.loads(answer.stdout)
        except json.JSONDecodeError as error:
            return Check(name, "failed", f"{path} is not JSON: {error}", "correct the file")
        return Check(name, "ok", f"{len(entries)} in {path}")

    return Question(name, f"cat {shlex.quote(path)}", judge)
