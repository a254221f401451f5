"""The wall time of the seed's run through packtrain, beside the same container command in a hand-written sbatch.

Wall time is the batch script's: from its first line to its last, by the times of files that it makes, since Slurm
keeps whole seconds only. Both ways take turns; nothing else runs on the cluster.
"""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from client.api import Packtrain
from container import lab
from tests.bench.creating import NAMED, SEED
from tests.bench.rig import Rig
from tests.bench.table import Pairs, Row
from tests.e2e.site import wait_for, wait_status

CHECKOUT = "/srv/LLaMA-Factory"
NOTE = (
    "The seed's run: examples/llama3_lora_sft.yaml with tiny-llama and the seed's data sets, the same configuration "
    "each way but for its folders. By hand the home folder's caches are warm, since the same data were prepared there "
    "before; packtrain gives each attempt new ones. The row with a new cache by hand, as for data used for the first "
    "time, shows what of the difference that is: seconds, whatever the length of the training."
)
BY_HAND = """\
#!/bin/bash
#SBATCH --job-name=llama3_lora_sft
#SBATCH --partition=gpu
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=2
#SBATCH --mem=2G
#SBATCH --output={checkout}/logs/%x-%j.out
#SBATCH --error={checkout}/logs/%x-%j.err
touch {folder}/begun
apptainer exec {cache} --bind {checkout}:/mnt --bind /srv/models --nv {image} bash -c "cd /mnt && \\
  llamafactory-cli train {config}"
touch {folder}/ended
"""
"""In the form of the seed documents; the models lie outside the checkout here, hence one more bind."""
NEW_CACHE = "--env HF_HOME=/tmp/hf-$SLURM_JOB_ID"


def measure(rig: Rig) -> Iterator[Row]:
    """Two rows: as the seed has it, and with a new cache by hand too."""
    site = rig.packtrain("training")
    ours: list[float] = []
    warm: list[float] = []
    new: list[float] = []
    with site.client() as client:
        config = client.validate(config_yaml=SEED.read_text(encoding="utf-8") + NAMED)["config_yaml"]
        if config is None:
            raise RuntimeError("packtrain refuses the seed's configuration")
        _by_hand(rig.lab, config, "first")  # reads the image into memory, and prepares the data in the home folder
        for number in range(1, rig.scale.training_pairs + 1):
            ours.append(_through_packtrain(rig.lab, client))
            warm.append(_by_hand(rig.lab, config, f"warm-{number}"))
            new.append(_by_hand(rig.lab, config, f"new-{number}", NEW_CACHE))
    rig.stop(site)
    what, beside = "the seed's run through packtrain, wall time", "the same command, hand-written sbatch"
    yield Pairs(ours, warm).row(what, beside, 1.05, NOTE)
    yield Pairs(ours, new).row(what, f"{beside}, new cache of data sets", None)


def _through_packtrain(cluster: lab.Lab, client: Packtrain) -> float:
    job = client.submit(config_yaml=SEED.read_text(encoding="utf-8") + NAMED)
    wait_status(client, job["id"], "succeeded")
    folder = _inside(cluster, f"/home/packtrain/packtrain/jobs/{job['id']}/1")
    return _moment(folder / "exit") - _moment(folder / "claim")


def _by_hand(cluster: lab.Lab, config: str, name: str, cache: str = "") -> float:
    """The configuration that packtrain runs, with the places of somebody who works in the checkout."""
    folder = f"{CHECKOUT}/saves/by-hand-{name}"
    own = re.sub(r"(?m)^output_dir: .*$", f"output_dir: {folder}/run", config)
    own = re.sub(r"(?m)^dataset_dir: .*$", "dataset_dir: data", own)
    here = _inside(cluster, folder)
    here.mkdir()
    (here / "config.yaml").write_text(own.replace(f"{CHECKOUT}/", "/mnt/"), encoding="utf-8")
    config_path = f"/mnt/saves/{here.name}/config.yaml"
    script = BY_HAND.format(checkout=CHECKOUT, folder=folder, image=lab.cluster.IMAGE, config=config_path, cache=cache)
    (here / "job.sbatch").write_text(script, encoding="utf-8")
    cluster.run("chown", "-R", "packtrain:", folder)
    cluster.run("runuser", "-u", "packtrain", "--", "bash", "-c", f"cd && sbatch {shlex.quote(folder)}/job.sbatch")
    wait_for("end of the run by hand", lambda: True if (here / "ended").exists() else None, seconds=300)
    if not (here / "run/train_results.json").exists():
        raise RuntimeError(f"the run by hand failed: see {CHECKOUT}/logs in the lab")
    return _moment(here / "ended") - _moment(here / "begun")


def _inside(cluster: lab.Lab, path: str) -> Path:
    return cluster.root_dir / path.lstrip("/")


def _moment(path: Path) -> float:
    """When a file was last written; a link's own time, not its target's."""
    return os.lstat(path).st_mtime
