"""Whole texts: what people have, and anything else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.commands.reading import MOST_FINDINGS, ReadTraining, read_training

SCRIPTS = Path(__file__).parents[3] / "fixtures" / "batch_scripts"
YAML = "stage: sft\nlora_rank: 8\n"
CONFIG = {"stage": "sft", "lora_rank": 8}
FILES = {"cfg.yaml": YAML}


def read(text: str, files: Mapping[str, str] = FILES) -> ReadTraining:
    return read_training(text, "script", files)


def resources(found: ReadTraining) -> dict[str, Any]:
    return {name: entry.value for name, entry in found.resources.items()}


def errors(found: ReadTraining) -> list[tuple[tuple[str | int, ...], str]]:
    return [(entry.loc, entry.message) for entry in found.findings if entry.severity == "error"]


def warned_lines(found: ReadTraining) -> list[Any]:
    return sorted(entry.loc[-1] for entry in found.findings if entry.severity == "warning")


def test_a_batch_script_around_a_container_is_read() -> None:
    text = (SCRIPTS / "apptainer.sbatch").read_text(encoding="utf-8")
    found = read(text, {"ja_en_lora_sft.yaml": YAML})
    assert (found.kind, found.name, found.config, errors(found)) == ("train", "ja-en-lora", CONFIG, [])
    assert resources(found) == {
        "nodes": 1, "gpus_per_node": 1, "cpus_per_gpu": 16, "memory": "128G", "time_limit": "12:00:00",
    }  # fmt: skip
    assert warned_lines(found) == [8, 9, 11, 12, 13, 14, 20]


def test_a_batch_script_of_two_nodes_is_read() -> None:
    found = read((SCRIPTS / "two_nodes.sbatch").read_text(encoding="utf-8"), {})
    assert errors(found) == []
    assert found.config == {
        "stage": "sft", "do_train": True, "model_name_or_path": "/shared/models/qwen", "dataset": "identity",
        "template": "qwen", "finetuning_type": "full", "learning_rate": "1e-5", "num_train_epochs": 3.0, "bf16": True,
        "deepspeed": {"train_micro_batch_size_per_gpu": "auto", "zero_optimization": {"stage": 3}},
    }  # fmt: skip
    assert resources(found) == {
        "nodes": 2, "gpus_per_node": 8, "cpus_per_gpu": 8, "partition": "gpu", "time_limit": "2-00:00:00",
        "account": "mt",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("torchrun --nproc_per_node 4 --nnodes 2 src/train.py cfg.yaml", {"gpus_per_node": 4, "nodes": 2}),
        ("torchrun --nproc_per_node=gpu src/train.py cfg.yaml", {}),
        (
            "accelerate launch --num_processes 8 --num_machines 2 src/train.py cfg.yaml",
            {"gpus_per_node": 4, "nodes": 2},
        ),
        ("accelerate launch --config_file acc.yaml src/train.py cfg.yaml", {"gpus_per_node": 3, "nodes": 2}),
        ("deepspeed --num_gpus 4 src/train.py cfg.yaml", {"gpus_per_node": 4}),
        ("deepspeed --include localhost:1,3 src/train.py cfg.yaml", {"gpus_per_node": 2}),
        ("CUDA_VISIBLE_DEVICES=0,1,2 llamafactory-cli train cfg.yaml", {"gpus_per_node": 3}),
        ("export NPROC_PER_NODE=2\nNNODES=2 llamafactory-cli train cfg.yaml", {"gpus_per_node": 2, "nodes": 2}),
        ("NPROC_PER_NODE=2\nllamafactory-cli train cfg.yaml", {}),
        ("srun -N 2 --gres=gpu:4 llamafactory-cli train cfg.yaml", {"gpus_per_node": 4, "nodes": 2}),
        ("sbatch -p gpu run.sh cfg.yaml", {"partition": "gpu", "nodes": 3}),
        ("export CUDA_VISIBLE_DEVICES=0,1\nbash run.sh cfg.yaml", {"gpus_per_node": 2, "partition": "cpu", "nodes": 3}),
    ],
)
def test_launchers_say_on_how_many_gpus(text: str, expected: dict[str, Any]) -> None:
    run = "#!/bin/sh\n#SBATCH -p cpu -N 3\nllamafactory-cli train $1"
    found = read(text, {**FILES, "run.sh": run, "acc.yaml": "num_processes: 6\nnum_machines: 2\n"})
    assert (errors(found), found.config) == ([], CONFIG)
    assert resources(found) == expected


def test_the_launchers_number_holds_over_slurms_and_is_told() -> None:
    found = read("#SBATCH --gpus=8\n\ntorchrun --nproc_per_node 2 src/train.py cfg.yaml")
    assert resources(found) == {"gpus_per_node": 2}
    assert found.resources["gpus_per_node"].loc == ("script", 3)
    assert [entry.loc for entry in found.findings] == [("script", 3)]


def test_how_many_processes_mpi_starts_is_told_as_not_taken() -> None:
    found = read("mpirun -np 16 --hostfile hosts llamafactory-cli train cfg.yaml")
    assert (errors(found), found.config, warned_lines(found)) == ([], CONFIG, [1])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("llamafactory-cli export --export_dir out", "export"),
        ("llamafactory-cli train --do_predict --stage sft", "predict"),
        ("llamafactory-cli train --do_predict --do_train", "train"),
    ],
)
def test_the_kind_is_what_is_started(text: str, kind: str) -> None:
    assert read(text).kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "CONFIG=cfg.yaml\nllamafactory-cli train $CONFIG",
        "CMD='llamafactory-cli train cfg.yaml'\n$CMD",
        'eval "llamafactory-cli train cfg.yaml"',
        "cat > new.yaml <<EOF\nstage: sft\nlora_rank: ${RANK:-8}\nEOF\nllamafactory-cli train new.yaml",
        "echo 'stage: sft' > n.yaml\necho 'lora_rank: 8' >> n.yaml\nllamafactory-cli train n.yaml",
        "cp cfg.yaml n.yaml\necho 'bf16: true' >> cfg.yaml\nllamafactory-cli train n.yaml",
        'eval "$(conda shell.bash hook)"\nN=4\nllamafactory-cli train cfg.yaml lora_rank=$((N * 6 / 3))',
        'A=$(hostname)\nsrun bash -c "torchrun --master_addr $A --node_rank \\$R src/train.py cfg.yaml"',
        "sbatch run.sh cfg.yaml 8",
        'F=${1:-"cfg.yaml"}\naccelerate launch --mixed_precision bf16 $(which llamafactory-cli) train "$F"',
        "export S=sft\nexport R=8\nenvsubst < t.yaml > out/n.yaml\nllamafactory-cli train out/n.yaml",
        "export R=8\nenvsubst '$R' < t8.yaml | tee log > n.yaml\nenvsubst '$R' <t8.yaml >n.yaml\nlmf train n.yaml",
        "L=run_8\nA=(cfg.yaml lora_rank=1)\nllamafactory-cli train ${A[0]} lora_rank=${L##*_}",
        'A=()\nR=8\nif [ -n "$R" ]; then A+=(lora_rank=$R); else A=(x); fi\nllamafactory-cli train cfg.yaml ${A[@]}',
        'if [ "${NODES:-1}" -gt 1 ]; then\nllamafactory-cli train a.yaml\nelse\nllamafactory-cli train cfg.yaml\nfi',
        "if ! llamafactory-cli train cfg.yaml; then\nexit 1\nfi",
        "bash <<'EOF'\nllamafactory-cli train cfg.yaml\nEOF\n",
        "(cd x && { llamafactory-cli train cfg.yaml; }) > log 2>&1 &\nwait",
        "[ -d x ] || mkdir x\ncd x || exit 1\nllamafactory-cli train cfg.yaml || echo failed",
        'if [ -n "$X" ]; then\n  Y=1\nfi\ncase $Z in a) b;; esac\nf() { g; }\nllamafactory-cli train cfg.yaml',
    ],
)
def test_a_training_is_read_however_it_is_written(text: str) -> None:
    run = "if [ $# -lt 1 ]; then exit 1; fi\nF=$1\nshift\nllamafactory-cli train $F lora_rank=$1"
    templates = {"t.yaml": "stage: $S\nlora_rank: ${R}\n", "t8.yaml": "stage: sft\nlora_rank: $R # not $S\n"}
    found = read(text, {**FILES, **templates, "run.sh": run})
    assert (errors(found), found.config) == ([], CONFIG)


@pytest.mark.parametrize(
    ("text", "loc", "says"),
    [
        ("echo", ("script",), "there is no training of LLaMA-Factory"),
        ("echo 'x", ("script", 1), "quotation mark"),
        ("\nllamafactory-cli train gone.yaml", ("script", 2), "the configuration gone.yaml is not given"),
        ("\nfor x in 1 2; do\nllamafactory-cli train cfg.yaml\ndone", ("script", 3), "in a condition, a loop"),
        ("[ -f a ] && llamafactory-cli train cfg.yaml", ("script", 1), "in a condition, a loop"),
        ("llamafactory-cli train cfg.yaml\nllamafactory-cli export cfg.yaml", ("script", 2), "a further training"),
        ("\npython finetune.py", ("script", 2), "starts no program of LLaMA-Factory's"),
        ("llamafactory-cli chat cfg.yaml", ("script", 1), "`llamafactory-cli chat` is no job"),
        ("\nbash other.sh", ("script", 2), "the script other.sh is not given"),
        ("llamafactory-cli train \\ \n  --stage sft", ("script", 2), "a line begins with the option --stage"),
        ("sed -i s/a/b/ cfg.yaml\nllamafactory-cli train cfg.yaml", ("script", 2), "cfg.yaml is made by `sed`"),
        ("sed s/a/b/ cfg.yaml >n.yaml\nllamafactory-cli train n.yaml", ("script", 2), "n.yaml is made by `sed`"),
        (
            "envsubst <cfg.yaml.tpl >n.yaml\nllamafactory-cli train n.yaml",
            ("script", 2),
            "n.yaml is made of cfg.yaml.tpl",
        ),
        ("S=a\nenvsubst <t.yaml >n.yaml\nllamafactory-cli train n.yaml", ("script", 3), "stage cannot be read: $S is"),
        ("if b; then X=c; fi\nllamafactory-cli train stage=${X:-a}", ("script", 2), "$X is set in a condition"),
        (
            "llamafactory-cli train ${1:?a configuration}",
            ("script", 1),
            "the argument $1 cannot be read: $1 is not set",
        ),
        ("echo 'a: 1' >>n.yaml\nllamafactory-cli train n.yaml", ("script", 2), "n.yaml is made by `echo`"),
        ("llamafactory-cli train $1", ("script", 1), "the argument $1 cannot be read: $1 is not set"),
        ('bash -c "llamafactory-cli train stage=$X"', ("script", 1), "stage cannot be read: $X is not set"),
        ("llamafactory-cli train lora_rank=$(id)", ("script", 1), "$(...) is known to a shell on a node only"),
        ("llamafactory-cli train \ue000", ("script",), "U+E000"),
        ("X=a\nif b; then X=c; fi\nllamafactory-cli train stage=$X", ("script", 3), "$X is set in a condition"),
        ("A=()\nif b; then A+=(x); fi\nllamafactory-cli train stage=a ${A[@]}", ("script", 3), "$A is set in a condi"),
        ("for X in a; do b; done\nllamafactory-cli train stage=$X", ("script", 2), "stage cannot be read: $X"),
        ("cat >n.yaml <<E\na: 1\nb: [1\nE\nllamafactory-cli train n.yaml", ("script", 4, 1), "n.yaml: line 3"),
        ("bash self.sh", ("files", "self.sh", 1), "read no further"),
        ("#SBATCH --array=1-4\nllamafactory-cli train cfg.yaml", ("script", 1), "--array cannot be taken over"),
    ],
)
def test_a_training_that_cannot_be_read_is_told_where_and_why(text: str, loc: tuple[Any, ...], says: str) -> None:
    found = read(text, {**FILES, "self.sh": "bash self.sh", "t.yaml": "stage: $S\n"})
    assert found.config is None
    assert errors(found)[0][0] == loc
    assert says in errors(found)[0][1]


@pytest.mark.parametrize("text", ["envsubst < t.yaml > n.yaml", "cp t.yaml n.yaml", "cat t.yaml > n.yaml"])
def test_a_file_that_a_configuration_is_made_of_is_asked_for(text: str) -> None:
    assert read(f"{text}\nllamafactory-cli train n.yaml", {}).missing == ("t.yaml",)


def test_no_word_of_a_command_that_may_be_a_key_is_repeated() -> None:
    keys = "export WANDB_API_KEY=k3y\nwandb login k3y\nhf auth login --token k3y\nX=k3y foo k3y\n"
    found = read(f"{keys}llamafactory-cli train cfg.yaml")
    assert warned_lines(found) == [1, 2, 3, 4]
    assert "k3y" not in str(found)


def test_findings_are_bounded_and_errors_come_first() -> None:
    found = read("echo\n" * 500 + "llamafactory-cli train gone.yaml")
    assert len(found.findings) == MOST_FINDINGS
    assert found.findings[0].severity == "error"


FRAGMENTS = st.sampled_from(
    ["llamafactory-cli train cfg.yaml", "\n", "if a; then", "fi", "bash -c '", "'", '"', "$X", "${X:-", "}", "$(", ")",
     "<<E\n", "\nE\n", "X=1", "X=(", "#SBATCH -N 2\n", "srun -N", "torchrun --nproc_per_node", "src/train.py",
     "--stage", "| tee", "&&", "function f {", "case x in", "esac", "for x in", "do", "done", "\\\n", "eval", ">",
     "cfg.yaml", "((", "[[", "]]", "sbatch --wrap", "accelerate launch --config_file"]
)  # fmt: skip


@given(st.lists(FRAGMENTS | st.text(max_size=5), max_size=25).map(" ".join))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    found = read(text)
    assert (found.config is None) is bool(errors(found))
