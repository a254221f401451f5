"""A login node without Slurm: stand-ins for its commands, and our folder there."""

from pathlib import Path

from tests.factories import make_cluster_settings
from tests.local_transport import LocalTransport
from tuning.slurm.cluster import Cluster, Submission

SCRIPT = b"#!/bin/bash\nexit\n"
SBATCH = """#!/bin/bash
script=$(cat "${{!#}}" 2>/dev/null || cat)
[ -n "$script" ] || {{ echo "sbatch: error: Batch script is empty!" >&2; exit 1; }}
printf '%s\\n%s\\n' "$*" "$script" >>{0}/called
echo 7
"""
SCANCEL = """#!/bin/bash
echo "$@" >>{0}/called
"""
SQUEUE = """#!/bin/bash
[ ! -e {0}/down ] || exit 1
printf '7\\x1fjob_a-1-0\\x1f\\n8\\x1fmine\\x1f(null)\\n9\\x1fjob_c-1-0\\x1f\\n15_1\\x1fjob_d-1-0\\x1f\\n'
printf '20\\x1frenamed\\x1fpacktrain:job_e:2:token-with-dash\\n21\\x1fjob_e-21-0\\x1f\\n22\\x1fjob_f-1-another\\x1f\\n'
"""


def cluster(root: Path, transport: LocalTransport) -> Cluster:
    found = Cluster(make_cluster_settings(root=str(root)), transport)
    found.prepare()
    return found


def submission(root: Path, number: int = 1, script: bytes = SCRIPT) -> Submission:
    directory = f"{root}/jobs/job_1/{number}"
    return Submission(f"token{number}", f"job_1-{number}", "comment", directory, {"job.sh": script})


def modes(root: Path) -> dict[str, int]:
    return {str(path.relative_to(root)): path.stat().st_mode & 0o077 for path in [root, *root.rglob("*")]}
