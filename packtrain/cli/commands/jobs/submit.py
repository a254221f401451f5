"""submit, check."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from packtrain.cli.commands.arguments import AsJson, Gpus, Memory, Model, Run, Settings, TimeLimit, connect, run_of
from packtrain.cli.commands.jobs import submit_options as ask
from packtrain.cli.commands.option_groups import grouped
from packtrain.cli.request.remarks import note_remarks
from packtrain.cli.screen import note, now, say, say_json, say_text
from packtrain.cli.text.job_text import result_lines
from packtrain.cli.text.terminal_words import finding_lines, words
from packtrain.cli.text.units import clock_time, size
from packtrain.errors import finding_of
from packtrain.schema import Estimates, ExpectedStart, Job, Validation

if TYPE_CHECKING:
    from packtrain.cli.request.job_request import JobOptions
    from packtrain.client import Packtrain


@grouped
def submit(
    run: Run = None,
    data: ask.Data = None,
    model: Model = None,
    setting: Settings = None,
    kind: ask.KindOption = None,
    recipe: ask.Recipe = None,
    source: ask.Source = None,
    checkpoint: ask.Checkpoint = None,
    conditions: ask.Conditions = ask.NO_CONDITIONS,
    name: ask.Name = None,
    tag: ask.NewTags = None,
    place: ask.Place = ask.ANY_PLACE,
    sbatch: ask.SbatchOptions = None,
    priority: ask.Priority = 0,
    hold: ask.Hold = False,
    watch: ask.Watch = False,
    dry_run: ask.DryRun = False,
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
    from packtrain.cli.request.job_request import JobOptions

    if watch and (dry_run or as_json):
        raise typer.BadParameter("--watch goes with neither --dry-run nor --json")
    config, text = run_of(run)
    options = JobOptions(
        config_file=config, text=text, model=model, settings=tuple(setting or ()), data=tuple(data or ()),
        resources=place.resources, name=name, tags=tuple(tag or ()), priority=priority, held=hold,
        kind=kind.value if kind else None, recipe=recipe, source_job=source, checkpoint=checkpoint,
        depends_on=tuple(conditions.after or ()), secrets=tuple(conditions.secret or ()),
        environment=tuple(conditions.env or ()), keep_checkpoints=conditions.keep_checkpoints,
        attempts=conditions.attempts, sbatch=tuple(sbatch or ()),
    )  # fmt: skip
    _require_run(options)
    with connect() as api:
        if dry_run:
            raise typer.Exit(_try_out(api, options, as_json=as_json))
        _tell(api, _send(api, options), watch_it=watch, as_json=as_json)


def check(
    run: Run = None,
    kind: ask.KindOption = None,
    recipe: ask.Recipe = None,
    data: ask.Data = None,
    model: Model = None,
    setting: Settings = None,
    gpus: Gpus = None,
    nodes: ask.Nodes = None,
    memory: Memory = None,
    time: TimeLimit = None,
    script: ask.WithScript = False,
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
    from packtrain.cli.request.job_request import JobOptions

    config, text = run_of(run)
    if not (config or text):
        raise typer.BadParameter("give a CONFIG.yaml, a script, or -- and a command")
    resources = (("gpus_per_node", gpus), ("nodes", nodes), ("memory", memory), ("time_limit", time))
    options = JobOptions(
        config_file=config, text=text, model=model, settings=tuple(setting or ()), data=tuple(data or ()),
        resources=resources, kind=kind.value if kind else None, recipe=recipe,
    )  # fmt: skip
    with connect() as api:
        raise typer.Exit(_try_out(api, options, as_json=as_json, with_script=script))


def _require_run(options: "JobOptions") -> None:
    """Raises BadParameter where nothing says what is to be run."""
    said = (options.config_file, options.text, options.model, options.recipe, options.source_job)
    if all(word is None for word in said) and not options.settings:
        raise typer.BadParameter(
            "give a CONFIG.yaml, a script, -- COMMAND, or the run in words: --recipe, --model, --set, --data, --from"
        )


def _tell(api: "Packtrain", job: Job, *, watch_it: bool, as_json: bool) -> None:
    """A new job, as it was asked for: its JSON, its course to the end, or its id."""
    if as_json:
        say_json(job)
        return
    if not watch_it:
        say(f"{job['id']}  {job['name']}  {job['status']}")
    note_remarks(api, job["id"])
    if watch_it:
        _watch(api, job)
    note(f"follow it with: packtrain watch {job['id']}")


def _send(api: "Packtrain", options: "JobOptions") -> Job:
    from packtrain.cli.request.data_upload import require_readable, require_sound, uploaded
    from packtrain.cli.request.job_request import job_fields, local_files, with_whole_ids

    options = with_whole_ids(api, options)
    require_readable(api, options)
    if files := local_files(options.data):
        require_sound(api, options)
    with uploaded(api, files) as ids:
        return api.submit(**job_fields(options, ids))


def _try_out(api: "Packtrain", options: "JobOptions", *, as_json: bool, with_script: bool = False) -> int:
    from packtrain.cli.request.data_upload import require_readable, uploaded
    from packtrain.cli.request.job_request import job_fields, local_files, with_whole_ids

    options = with_whole_ids(api, options)
    require_readable(api, options)
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
    if found := estimates.get("start"):
        shown["start"] = _start_words(found)
    return result_lines(shown)


def _start_words(start: ExpectedStart) -> str:
    from packtrain.cli.text.queue_text import expected_words

    found: dict[str, Any] = {**start}
    words = [f"place {start['position']} of the queue"]
    for word in ("start", "end"):
        if its := expected_words(found, word, now()):
            words.append(f"{word}s {its}")
    return ", ".join(words)


def _watch(api: "Packtrain", job: Job) -> NoReturn:
    from packtrain.cli.watch import view_for, watch

    raise typer.Exit(watch(api, job["id"], view_for(terminal=sys.stdout.isatty())))
