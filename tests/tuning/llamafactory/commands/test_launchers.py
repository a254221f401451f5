import shlex

import pytest

from tuning.llamafactory.commands.launchers import InnerInput, InnerScript, InnerText, Launch, Unreadable, find_launch


@pytest.mark.parametrize(
    ("line", "word", "arguments"),
    [
        ("llamafactory-cli train a.yaml x=1", "train", "a.yaml x=1"),
        ("/opt/env/bin/llamafactory-cli export a.yaml", "export", "a.yaml"),
        ("A=1 B=2 llamafactory-cli train a.yaml", "train", "a.yaml"),
        ("env -u X A=1 nohup nice -n 5 llamafactory-cli train a.yaml", "train", "a.yaml"),
        ("srun -N 2 --mpi=pmix llamafactory-cli train a.yaml", "train", "a.yaml"),
        ("apptainer exec --nv --bind /a:/mnt/python img.sif llamafactory-cli train a.yaml", "train", "a.yaml"),
        ("docker run --gpus all -v /a:/a org/llamafactory:latest llamafactory-cli train a.yaml", "train", "a.yaml"),
        ("conda run -n env llamafactory-cli train a.yaml", "train", "a.yaml"),
        ("python src/train.py --stage sft", "train", "--stage sft"),
        ("python3.11 -u /opt/LLaMA-Factory/src/train_bash.py a.yaml", "train", "a.yaml"),
        ("python -m llamafactory.cli export a.yaml", "export", "a.yaml"),
        ("python src/export_model.py --export_dir x", "export", "--export_dir x"),
        ("torchrun --nproc_per_node 4 --master_port=1 src/train.py a.yaml", "train", "a.yaml"),
        ("torchrun --nproc_per_node 4 -m llamafactory.launcher a.yaml", "train", "a.yaml"),
        ("python -m torch.distributed.run --nnodes 1 src/train.py a.yaml", "train", "a.yaml"),
        ("accelerate launch --config_file c.yaml src/train.py a.yaml", "train", "a.yaml"),
        ("accelerate launch --no_python llamafactory-cli train a.yaml", "train", "a.yaml"),
        ("deepspeed --include localhost:0,1 src/train.py --bf16", "train", "--bf16"),
        ("llamafactory-cli webui", "webui", ""),
        ("python tools/train_bash.py a.yaml", "train", "a.yaml"),
        ("python ../LLaMA-Factory-0.9/train.py a.yaml", "train", "a.yaml"),
        ("torchrun lib/train.py --stage sft --template a", "train", "--stage sft --template a"),
        ("torchrun --nproc_per_node 1 -m debugpy --listen 5678 src/train.py a.yaml", "train", "a.yaml"),
        ("python -m pdb src/train.py a.yaml", "train", "a.yaml"),
    ],
)
def test_a_start_of_llamafactory_is_found(line: str, word: str, arguments: str) -> None:
    found = find_launch(shlex.split(line))
    assert isinstance(found, Launch)
    assert (found.word, " ".join(found.arguments)) == (word, arguments)


@pytest.mark.parametrize(
    "line",
    [
        "echo llamafactory-cli train a.yaml",
        "python finetune.py --lr 1",
        "python lib/train.py",
        "python lib/train.py --stage sft",
        "python lib/finetune.py --stage sft --template a",
        "python -m debugpy lib/finetune.py",
        "torchrun --nproc_per_node 2 finetune.py src/train.py",
        "pip install deepspeed",
        "uv pip install llamafactory-cli",
        "conda install accelerate",
        "accelerate config",
        "python -c 'import llamafactory'",
        "llamafactory-cli",
        "A=1",
        "",
    ],
)
def test_other_programs_are_none(line: str) -> None:
    assert find_launch(shlex.split(line)) is None


@pytest.mark.parametrize(
    ("line", "inner"),
    [
        ("bash -lc 'cd /mnt && x'", InnerText("cd /mnt && x")),
        ("bash -c x name a b", InnerText("x", ("a", "b"))),
        ("eval a 'b c'", InnerText("a b c")),
        ("bash -x run.sh a", InnerScript("run.sh", ("a",))),
        ("./run.sh", InnerScript("./run.sh")),
        ("srun -u ./run.sh", InnerScript("./run.sh", slurm_words=("-u",))),
        ("sbatch -p gpu run.sbatch a", InnerScript("run.sbatch", ("a",), slurm_words=("-p", "gpu"))),
        ("sbatch -p gpu --wrap 'x y'", InnerText("x y", slurm_words=("-p", "gpu"))),
        ("apptainer exec img bash", InnerInput()),
    ],
)
def test_a_shell_in_between_hands_over_another_text(line: str, inner: object) -> None:
    assert find_launch(shlex.split(line)) == inner


@pytest.mark.parametrize("line", ["\ue000$L\ue000 src/train.py", "torchrun \ue000$A\ue000", "srun \ue000$CMD\ue000"])
def test_a_program_that_is_not_named_is_told(line: str) -> None:
    assert isinstance(find_launch(line.split()), Unreadable)


@pytest.mark.parametrize(
    "line",
    [
        "env CUDA_VISIBLE_DEVICES=1,3 lmf train",
        "docker run -e CUDA_VISIBLE_DEVICES=1,3 -e B=2 lmf train",
        "mpirun -x CUDA_VISIBLE_DEVICES=1,3 lmf train",
        "apptainer exec --env CUDA_VISIBLE_DEVICES=1,3,B=2 img lmf train",
        "apptainer exec --env=B=2,CUDA_VISIBLE_DEVICES=1,3 img lmf train",
    ],
)
def test_a_value_on_the_way_keeps_its_commas(line: str) -> None:
    found = find_launch(line.split())
    assert isinstance(found, Launch)
    assert found.environment["CUDA_VISIBLE_DEVICES"] == "1,3"


def test_what_is_said_on_the_way_is_kept() -> None:
    in_front = "A=1 srun -N 2 apptainer exec --env B=2,C=3 img"
    found = find_launch(f"{in_front} torchrun --nproc-per-node=4 --standalone --nnodes 1 src/train.py".split())
    assert isinstance(found, Launch)
    assert found.environment == {"A": "1", "B": "2", "C": "3"}
    assert found.slurm_words == ("-N", "2")
    assert found.options == {"nproc_per_node": "4", "standalone": "", "nnodes": "1"}
