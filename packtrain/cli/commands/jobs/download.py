"""download."""

from pathlib import Path
from typing import Annotated

import typer

from packtrain.cli.commands.arguments import JobId, connect
from packtrain.cli.lookup.job_ids import find_job
from packtrain.cli.screen import byte_bar, note, say
from packtrain.cli.text.units import size


def download(
    job: JobId,
    to: Annotated[
        Path | None, typer.Option(file_okay=False, help="Into this folder; by default one named JOB.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The checkpoints too.")] = False,
    archive: Annotated[bool, typer.Option("--archive", help="The final model or adapter as one JOB.tar.")] = False,
) -> None:
    """Fetch a job's files. Called again, it goes on where it stopped.

    \b
    packtrain download job_abc --to adapter
    packtrain download job_abc --all
    """
    if archive and everything:
        raise typer.BadParameter("--archive holds the final files only: leave out --all")
    with connect() as api:
        job = find_job(api, job)
        folder = to or Path("." if archive else job)
        if archive:
            with byte_bar(None) as moved:
                path = api.download_archive(job, folder / f"{job}.tar", moved)
            say(f"{path}  {size(path.stat().st_size)}")
            return
        files = api.wanted(job, checkpoints=everything)
        if not files:
            note(f"{job} has left no files yet")
            return
        with byte_bar(sum(file["size_bytes"] for file in files)) as moved:
            paths = api.download(job, folder, checkpoints=everything, on_bytes=moved)
        say(f"{folder}  {len(paths)} files  {size(sum(path.stat().st_size for path in paths))}")
