from typing import Any

import pytest

from tuning.llamafactory.commands.slurm_options import SlurmRequest, as_request, read_directives, read_options


def asked(*lines: str) -> dict[str, Any]:
    """Resources of `#SBATCH` lines."""
    return {name: entry.value for name, entry in request(*lines).resources.items()}


def request(*lines: str) -> SlurmRequest:
    return as_request(read_directives("#!/bin/bash\n" + "".join(f"#SBATCH {line}\n" for line in lines)))


@pytest.mark.parametrize(
    ("lines", "resources"),
    [
        (["--partition=gpu", "-A mt", "-q high"], {"partition": "gpu", "account": "mt", "qos": "high"}),
        (["-p gpu -N2 -t01:00:00"], {"partition": "gpu", "nodes": 2, "time_limit": "01:00:00"}),
        (["--nodes 2-4"], {"nodes": 2}),
        (["-C 'a&b'", "-x n[1-2]"], {"constraint": "a&b", "exclude": "n[1-2]"}),
        (["--time=1-00:00:00  # a day"], {"time_limit": "1-00:00:00"}),
        (["--part=a --acc b"], {"partition": "a", "account": "b"}),
        (["-p a", "-p b"], {"partition": "b"}),
        (["--gres=gpu:a100:4"], {"gpus_per_node": 4, "gpu_type": "a100"}),
        (["--gres=gpu"], {"gpus_per_node": 1}),
        (["--gres=gpu:2,shard:1"], {"gpus_per_node": 2}),
        (["--gpus-per-node=h100:8"], {"gpus_per_node": 8, "gpu_type": "h100"}),
        (["-G 8", "-N 2"], {"gpus_per_node": 4, "nodes": 2}),
        (["--gpus-per-task=1", "--ntasks-per-node=4"], {"gpus_per_node": 4}),
        (["--gpus-per-task=1", "-n 8", "-N 2"], {"gpus_per_node": 4, "nodes": 2}),
        (["--gpus=4", "--cpus-per-task=32"], {"gpus_per_node": 4, "cpus_per_gpu": 8}),
        (["--gpus=4", "-c 8", "--ntasks-per-node=4"], {"gpus_per_node": 4, "cpus_per_gpu": 8}),
        (["--gpus=4", "-c 2"], {"gpus_per_node": 4, "cpus_per_gpu": 1}),
        (["--cpus-per-gpu=6"], {"cpus_per_gpu": 6}),
        (["--mem=64GB"], {"memory": "64G"}),
        (["--mem=500"], {"memory": "500M"}),
        (["--gpus=4", "--mem-per-gpu=32g"], {"gpus_per_node": 4, "memory": "128G"}),
        (["--mem-per-cpu=2G", "-c 8"], {"memory": "16G"}),
    ],
)
def test_options_are_resources_in_packtrains_words(lines: list[str], resources: dict[str, Any]) -> None:
    assert asked(*lines) == resources


@pytest.mark.parametrize("lines", [["--gpus=999999999999"], ["--mem=9e400"], ["-N x"], ["-c -1"], ["--gres=gpu:a:b:c"]])
def test_a_value_that_is_no_number_is_no_resource(lines: list[str]) -> None:
    assert asked(*lines) == {}
    assert [remark.line for remark in request(*lines).remarks] == [2]


@pytest.mark.parametrize(
    ("line", "says", "is_error"),
    [
        ("--output=x.log", "--output is not taken over", False),
        ("--exclusive", "--exclusive is not taken over", False),
        ("--requeue --foo=1", "--requeue is not taken over", False),
        ("--mem=0", "--mem=0 is not taken over", False),
        ("-c 8", "--cpus-per-task is not taken over", False),
        ("--array=0-3", "--array cannot be taken over", True),
        ("--time='1", "quotation mark", True),
        ("word", "no option", False),
        ("--out=x.log", "--output is not taken over", False),
    ],
)
def test_what_is_not_taken_over_is_told_with_its_line(line: str, says: str, is_error: bool) -> None:
    remark = request("--partition=gpu", line).remarks[0]
    assert says in remark.message
    assert (remark.line, remark.is_error) == (3, is_error)


@pytest.mark.parametrize("line", ["#PBS -l nodes=1", "#$ -l rt_F=1", "#BSUB -q gpu"])
def test_lines_of_other_schedulers_are_told(line: str) -> None:
    found = as_request(read_directives(f"#!/bin/sh\n{line}\n#SBATCH -p a\n"))
    assert ([remark.line for remark in found.remarks], list(found.resources)) == ([2], ["partition"])


def test_lines_behind_the_first_command_are_not_slurms() -> None:
    found = as_request(read_directives("#!/bin/sh\n\n# a\n#SBATCH -p a\n##SBATCH -A b\necho\n#SBATCH -q c\n"))
    assert {name: entry.value for name, entry in found.resources.items()} == {"partition": "a"}
    assert [remark.line for remark in found.remarks] == [7]


def test_a_job_has_the_name_that_slurm_would_give_it() -> None:
    assert request("-J 'my job'").job_name == "my job"
    assert as_request(read_options(["--job-name", "x", "-u", "-N1"], 1)).job_name == "x"
