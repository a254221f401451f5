"""submit, check."""

import sys
from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packtrain.cli.commands.arguments import AsJson, Gpus, Memory, Model, Run, Settings, TimeLimit, connect, run_of
from packtrain.cli.completion import complete_jobs, complete_recipes
from packtrain.cli.job_text import result_lines
from packtrain.cli.remarks import note_remarks
from packtrain.cli.screen import note, now, say, say_json, say_text
from packtrain.cli.terminal_words import finding_lines, words
from packtrain.cli.units import clock_time, size
from packtrain.errors import finding_of
from packtrain.schema import Estimates, Job, Validation

if TYPE_CHECKING:
    from packtrain.cli.job_request import JobOptions
    from packtrain.client import Packtrain

Words = list[str] | None


class Kind(str, Enum):
    """Kind of a job: training, export or prediction."""

    train = "train"
    export = "export"
    predict = "predict"


def submit(
    run: Run = None,
    data: Annotated[
        Words, typer.Option("--data", metavar="FILE|ds_...", help="Train on this file or data set. Repeatable.")
    ] = None,
    model: Model = None,
    setting: Settings = None,
    kind: Annotated[Kind | None, typer.Option(help="train, export (merge an adapter) or predict.")] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="A starting point: see `packtrain recipes list`.", autocompletion=complete_recipes),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="JOB",
            help="Use what this job leaves: its adapter or model.",
            autocompletion=complete_jobs,
        ),
    ] = None,
    checkpoint: Annotated[
        int | None, typer.Option(min=1, metavar="STEP", help="Of --from: this checkpoint, not the final one.")
    ] = None,
    after: Annotated[
        Words,
        typer.Option(
            "--after",
            metavar="JOB",
            help="Wait until this job has succeeded. Repeatable.",
            autocompletion=complete_jobs,
        ),
    ] = None,
    secret: Annotated[
        Words, typer.Option("--secret", metavar="NAME", help="A secret of yours that the run needs. Repeatable.")
    ] = None,
    keep_checkpoints: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Keep the newest N once it has succeeded; by default all.")
    ] = None,
    attempts: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Go on after the time limit too, in up to N attempts, each from a checkpoint."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What people call the job.")] = None,
    tag: Annotated[Words, typer.Option("--tag", metavar="KEY=VALUE", help="A tag. Repeatable.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Which cluster, where there are several.")] = None,
    partition: Annotated[str | None, typer.Option(help="A partition of Slurm's.")] = None,
    nodes: Annotated[int | None, typer.Option(min=1, help="How many nodes.")] = None,
    gpus: Gpus = None,
    gpu_type: Annotated[str | None, typer.Option(help="Which GPUs, as Slurm calls them.")] = None,
    cpus_per_gpu: Annotated[int | None, typer.Option(min=1, help="CPUs for each GPU.")] = None,
    memory: Memory = None,
    time: TimeLimit = None,
    account: Annotated[str | None, typer.Option(help="Slurm's account.")] = None,
    qos: Annotated[str | None, typer.Option(help="Slurm's QOS.")] = None,
    constraint: Annotated[str | None, typer.Option(help="Features that the nodes must have.")] = None,
    exclude: Annotated[str | None, typer.Option(metavar="NODES", help="Nodes to keep away from.")] = None,
    priority: Annotated[int, typer.Option(help="Greater goes first in our queue.")] = 0,
    hold: Annotated[bool, typer.Option("--hold", help="Keep it until `packtrain release`.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Stay and watch it to its end.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what the server would say.")] = False,
    as_json: AsJson = False,
) -> None:
    """Queue a fine-tuning run.

    \b
    packtrain submit config.yaml --gpus 1 --time 08:00:00 --watch
    packtrain submit config.yaml --data chats.json --set learning_rate=1e-4
    packtrain submit --recipe lora-sft --model tiny-llama --data ds_abc --set lora_rank=64
    packtrain submit --recipe merge --from JOB
    packtrain submit train.sbatch --watch
    packtrain submit --gpus 2 -- llamafactory-cli train config.yaml learning_rate=1e-4
    """
    from packtrain.cli.job_request import JobOptions

    resources = {
        "cluster": cluster, "partition": partition, "nodes": nodes, "gpus_per_node": gpus, "gpu_type": gpu_type,
        "cpus_per_gpu": cpus_per_gpu, "memory": memory, "time_limit": time, "account": account, "qos": qos,
        "constraint": constraint, "exclude": exclude,
    }  # fmt: skip
    config, text = run_of(run)
    options = JobOptions(
        config_file=config, text=text, model=model, settings=tuple(setting or ()), data=tuple(data or ()),
        resources=tuple(resources.items()), name=name, tags=tuple(tag or ()), priority=priority, held=hold,
        kind=kind.value if kind else None, recipe=recipe, source_job=source, checkpoint=checkpoint,
        depends_on=tuple(after or ()), secrets=tuple(secret or ()), keep_checkpoints=keep_checkpoints,
        attempts=attempts,
    )  # fmt: skip
    if not (config or text) and model is None and not setting and recipe is None and source is None:
        raise typer.BadParameter(
            "give a CONFIG.yaml, a script, -- COMMAND, or the run in words: --recipe, --model, --set, --data, --from"
        )
    if watch and (dry_run or as_json):
        raise typer.BadParameter("--watch goes with neither --dry-run nor --json")
    with connect() as api:
        if dry_run:
            raise typer.Exit(_try_out(api, options, as_json=as_json))
        job = _send(api, options)
        if as_json:
            say_json(job)
        elif watch:
            note_remarks(api, job["id"])
            _watch(api, job)
        else:
            say(f"{job['id']}  {job['name']}  {job['status']}")
            note_remarks(api, job["id"])
            note(f"follow it with: packtrain watch {job['id']}")


def check(
    run: Run = None,
    kind: Annotated[Kind | None, typer.Option(help="train, export (merge an adapter) or predict.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Lay the file over this recipe.")] = None,
    data: Annotated[
        Words, typer.Option("--data", metavar="FILE|ds_...", help="Train on this file or data set. Repeatable.")
    ] = None,
    model: Model = None,
    setting: Settings = None,
    gpus: Gpus = None,
    nodes: Annotated[int | None, typer.Option(min=1, help="How many nodes.")] = None,
    memory: Memory = None,
    time: TimeLimit = None,
    script: Annotated[bool, typer.Option("--script", help="Print the batch script too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say all that would be refused or is doubtful.

    Nothing is stored: a file of --data is uploaded for the check and removed behind it.

    \b
    packtrain check config.yaml
    packtrain check config.yaml --data chats.json --gpus 4 --set cutoff_len=4096
    packtrain check train.sbatch
    Exit code 1 when it would be refused.
    """
    from packtrain.cli.job_request import JobOptions

    config, text = run_of(run)
    if not (config or text):
        raise typer.BadParameter("give a CONFIG.yaml, a script, or -- and a command")
    resources = (("gpus_per_node", gpus), ("nodes", nodes), ("memory", memory), ("time_limit", time))
    options = JobOptions(
        config_file=config,
        text=text,
        model=model,
        settings=tuple(setting or ()),
        kind=kind.value if kind else None,
        recipe=recipe,
        data=tuple(data or ()),
        resources=resources,
    )
    with connect() as api:
        raise typer.Exit(_try_out(api, options, as_json=as_json, with_script=script))


def _send(api: "Packtrain", options: "JobOptions") -> Job:
    from packtrain.cli.data_upload import require_sound, uploaded
    from packtrain.cli.job_request import job_fields, local_files, with_whole_ids

    options = with_whole_ids(api, options)
    if files := local_files(options.data):
        require_sound(api, options)
    with uploaded(api, files) as ids:
        return api.submit(**job_fields(options, ids))


def _try_out(api: "Packtrain", options: "JobOptions", *, as_json: bool, with_script: bool = False) -> int:
    from packtrain.cli.data_upload import uploaded
    from packtrain.cli.job_request import job_fields, local_files, with_whole_ids

    options = with_whole_ids(api, options)
    with uploaded(api, local_files(options.data), for_a_while=True) as ids:
        validation = api.validate(**job_fields(options, ids))
    if as_json:
        say_json(validation)
    else:
        _show_validation(validation, with_script=with_script)
    return 0 if validation["valid"] else 1


def _show_validation(validation: Validation, *, with_script: bool) -> None:
    for kind in ("errors", "warnings"):
        for entry in validation[kind]:
            first, *rest = finding_lines(finding_of(entry))
            note("\n".join([f"{kind[:-1]}: {first}", *rest]))
    for text in validation["notes"]:
        note(f"note: {words(text)}")
    texts = [validation["config_yaml"], validation["script"] if with_script else None]
    for text in filter(None, texts):
        say_text(f"{text.rstrip()}\n")
    for line in _estimate_lines(validation["estimates"]):
        say(line)
    note("valid: nothing was stored" if validation["valid"] else "this would be refused; nothing was stored")


def _estimate_lines(estimates: Estimates | None) -> Iterable[str]:
    if estimates is None:
        return ()
    shown: dict[str, Any] = {**estimates}
    if memory := estimates.get("gpu_memory"):
        shown["gpu_memory"] = f"about {size(memory['total'])} on each"
    if start := estimates.get("starts_at"):
        shown["starts_at"] = f"about {clock_time(start, now())}, if it were submitted now"
    return result_lines(shown)


def _watch(api: "Packtrain", job: Job) -> None:
    from packtrain.cli.watch import view_for, watch

    raise typer.Exit(watch(api, job["id"], view_for(terminal=sys.stdout.isatty())))
