"""Files of the escape suite on a lab: the attack program, bound into the image by the operator, and tools for it."""

import shutil
from pathlib import Path

from container import lab, stack

HERE = Path(__file__).parent
FOLDER = "/srv/escape"
TOOLS = f"{FOLDER}/tools"
SITE_PACKAGES = "/opt/train/lib/python3.11/site-packages"
HOOK = "distutils-precedence.pth"
"""A file that the image has, so that the bind needs no new name in it; Python runs its line at each start."""

COPY_TOOLS = """
set -eu
mkdir -p {tools}/bin {tools}/lib
cp -rL /usr/lib/x86_64-linux-gnu/slurm-wlm {tools}/plugins
cp -L /lib64/ld-linux-x86-64.so.2 {tools}/ld.so
cp /etc/slurm/slurm.conf {tools}/
for name in sbatch srun scancel scontrol squeue apptainer newuidmap; do
  cp -L "$(command -v $name)" {tools}/bin/
done
ldd {tools}/bin/* {tools}/plugins/auth_munge.so | awk '$2 == "=>" && $3 ~ /^\\// {{print $3}}' | sort -u | \
  xargs cp -Lt {tools}/lib
chmod -R a+rX {folder}
"""


def install(cluster: lab.Lab) -> None:
    """The attack program and the tools, as files of root that everybody may read."""
    target = cluster.root_dir / FOLDER.lstrip("/")
    if target.exists():
        return
    shutil.copytree(HERE / "inside", target / "inside", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "neighbour.py", target)
    cluster.run("bash", "-c", COPY_TOOLS.format(tools=TOOLS, folder=FOLDER))


def clusters_toml(cluster: lab.Lab) -> str:
    """The lab's clusters file, with two binds of the operator's."""
    binds = f'binds = ["{FOLDER}:{FOLDER}:ro", "{FOLDER}/inside/{HOOK}:{SITE_PACKAGES}/{HOOK}:ro"]\n'
    return stack.clusters_toml(cluster).replace("[clusters.lab.models]", f"{binds}\n[clusters.lab.models]", 1)
