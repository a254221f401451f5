"""The wall time of the seed's run through packtrain, beside the same container command in a hand-written sbatch.

Wall time is the batch script's: from its first line to its last, by the times of files that it makes, since Slurm
keeps whole seconds only. Both ways take turns, and turns at being the first; nothing else runs on the cluster.
"""

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from container import lab
from packtrain.client import Packtrain
from packtrain.schema import Resources
from tests.bench.api.creating import NAMED, SEED
from tests.bench.report.table import Pairs, Row
from tests.bench.rig import Rig
from tests.e2e.site import wait_for, wait_status

CHECKOUT = "/srv/LLaMA-Factory"
NOTE = (
    "The seed's run: examples/llama3_lora_sft.yaml with tiny-llama and the seed's data sets, the same configuration "
    "each way but for its folders. By hand the home folder's caches are warm, since the same data were prepared there "
    "before; packtrain gives each attempt new ones. The row with a new cache by hand, as for data used for the first "
    "time, shows what of the difference that is: seconds, whatever the length of the training. Two by two processes "
    "keep both processors of this machine busy, on which server, worker and login node run too."
)
HEAD = """\
#!/bin/bash
#SBATCH --job-name=llama3_lora_sft
#SBATCH --partition=gpu
#SBATCH --gres=gpu:{processes}
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task={cpus}
#SBATCH --mem=2G
#SBATCH --output={checkout}/logs/%x-%j.out
#SBATCH --error={checkout}/logs/%x-%j.err
touch {folder}/begun
"""
ONE = """\
apptainer exec {cache} --bind {checkout}:/mnt --bind /srv/models --nv {image} bash -c "cd /mnt && \
  llamafactory-cli train {config}"
touch {folder}/ended
"""
"""In the form of the seed documents; the models lie outside the checkout here, hence one more bind."""
MANY = """\
export MASTER_ADDR=$(hostname) MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000))
srun bash -c 'apptainer exec --env FORCE_TORCHRUN=1,NNODES={nodes},NODE_RANK=$SLURM_NODEID,NPROC_PER_NODE={processes} \
  --env MASTER_ADDR=$MASTER_ADDR,MASTER_PORT=$MASTER_PORT --env OMP_NUM_THREADS=1 \
  --bind {checkout}:/mnt --bind /srv/models --nv {image} bash -c "cd /mnt && llamafactory-cli train {config}"'
touch {folder}/ended
"""
"""The same for several nodes, by the rules of LLaMA-Factory's README (FORCE_TORCHRUN, NNODES, NODE_RANK, ...)."""
NEW_CACHE = "--env HF_HOME=/tmp/hf-$SLURM_JOB_ID"
AT_MOST = 1.02


@dataclass(frozen=True)
class Shape:
    """How many processes train."""

    nodes: int
    processes: int
    """On each node."""

    @property
    def resources(self) -> Resources:
        """What packtrain is asked for."""
        return {"nodes": self.nodes, "gpus_per_node": self.processes}


SINGLE, TWO_BY_TWO = Shape(1, 1), Shape(2, 2)


def measure(rig: Rig) -> Iterator[Row]:
    """Three rows: one process as the seed has it, and with a new cache by hand too; two on each of two nodes."""
    site = rig.packtrain("training")
    what, beside = "the seed's run through packtrain, wall time", "the same command, hand-written sbatch"
    with site.client() as client:
        config = client.validate(config_yaml=SEED.read_text(encoding="utf-8") + NAMED)["config_yaml"]
        if config is None:
            raise RuntimeError("packtrain refuses the seed's configuration")
        _by_hand(rig.lab, config, "first", SINGLE)  # the image comes into memory, prepared data to the home folder
        one, new, many = Pairs(), Pairs(), Pairs()
        for number in range(1, rig.scale.training_pairs + 1):
            runs = [
                (one.ours, partial(_through_packtrain, rig.lab, client, SINGLE)),
                (one.theirs, partial(_by_hand, rig.lab, config, f"warm-{number}", SINGLE)),
                (new.theirs, partial(_by_hand, rig.lab, config, f"new-{number}", SINGLE, NEW_CACHE)),
                (many.ours, partial(_through_packtrain, rig.lab, client, TWO_BY_TWO)),
                (many.theirs, partial(_by_hand, rig.lab, config, f"many-{number}", TWO_BY_TWO)),
            ]
            for seconds, run in runs if number % 2 else reversed(runs):
                seconds.append(run())
    new.ours.extend(one.ours)
    rig.stop(site)
    yield one.row(what, beside, AT_MOST, NOTE)
    yield new.row(what, f"{beside}, new cache of data sets", None)
    yield many.row(f"{what}, 2 nodes with 2 processes each", f"{beside}, srun and torchrun", AT_MOST)


def _through_packtrain(cluster: lab.Lab, client: Packtrain, shape: Shape) -> float:
    job = client.submit(config_yaml=SEED.read_text(encoding="utf-8") + NAMED, resources=shape.resources)
    folder = _inside(cluster, f"/home/packtrain/packtrain/jobs/{job['id']}")
    _wait_for_end(folder / "1/exit")
    wait_status(client, job["id"], "succeeded", "failed")
    _check_trained(folder / "output", job["id"])
    return _moment(folder / "1/exit") - _moment(folder / "1/claim")


def _by_hand(cluster: lab.Lab, config: str, name: str, shape: Shape, cache: str = "") -> float:
    """The configuration that packtrain runs, with the places of somebody who works in the checkout."""
    folder = f"{CHECKOUT}/saves/by-hand-{name}"
    own = re.sub(r"(?m)^output_dir: .*$", f"output_dir: {folder}/run", config)
    own = re.sub(r"(?m)^dataset_dir: .*$", "dataset_dir: data", own)
    here = _inside(cluster, folder)
    here.mkdir()
    (here / "config.yaml").write_text(own.replace(f"{CHECKOUT}/", "/mnt/"), encoding="utf-8")
    config_path = f"/mnt/saves/{here.name}/config.yaml"
    script = (HEAD + (ONE if shape == SINGLE else MANY)).format(
        checkout=CHECKOUT,
        folder=folder,
        image=lab.cluster.IMAGE,
        config=config_path,
        cache=cache,
        nodes=shape.nodes,
        processes=shape.processes,
        cpus=2 * shape.processes,
    )
    (here / "job.sbatch").write_text(script, encoding="utf-8")
    cluster.run("chown", "-R", "packtrain:", folder)
    cluster.run("runuser", "-u", "packtrain", "--", "bash", "-c", f"cd && sbatch {shlex.quote(folder)}/job.sbatch")
    _wait_for_end(here / "ended")
    _check_trained(here / "run", f"{CHECKOUT}/logs in the lab")
    return _moment(here / "ended") - _moment(here / "begun")


def _wait_for_end(file: Path) -> None:
    """The same way for both: asking packtrain five times a second would take from the two processors that train."""
    wait_for(f"{file}", lambda: True if file.exists() else None, seconds=300)


def _check_trained(output: Path, where: str) -> None:
    """That a process of torchrun aborts behind its results, as now and then one does on CPUs, is the same for both."""
    if not (output / "train_results.json").exists():
        raise RuntimeError(f"the run failed: see {where}")


def _inside(cluster: lab.Lab, path: str) -> Path:
    return cluster.root_dir / path.lstrip("/")


def _moment(path: Path) -> float:
    """When a file was last written; a link's own time, not its target's."""
    return os.lstat(path).st_mtime
