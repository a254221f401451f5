"""Places that the container of an attempt sees: folders of the operator, and a few of our own folder. Pure.

docs/decisions/0006-a-run-is-a-stranger.md says why there are no others. The batch script makes the mounts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tuning.jobs.layout import dataset_path, output_directory, own_folders
from tuning.jobs.request.resume import ResumePoint
from tuning.llamafactory.arguments.paths import AllowedPlaces
from tuning.llamafactory.kinds import SourceModel
from tuning.settings import ClusterSettings

CHECKOUT = "/mnt"
"""Where the container sees the cluster's LLaMA-Factory checkout: the seeds' way."""


@dataclass(frozen=True)
class ContainerView:
    """Mounts of a run's container beside the output and the cache, which every run may write."""

    binds: tuple[str, ...]
    """Folders that the operator named, in Apptainer's form `src:dest:opts`; read only unless he says otherwise."""
    own_places: tuple[str, ...]
    """Folders and files beneath our folder, relative to it; read only."""


def container_view(
    cluster: ClusterSettings,
    job_id: str,
    contents: Sequence[tuple[str, str]] = (),
    source: SourceModel | None = None,
    resume: ResumePoint | None = None,
) -> ContainerView:
    """The places of one job; `contents` are the sha256 and extension of the uploads that it trains on."""
    named = _outermost([*cluster.allowed_roots, *cluster.models.values()])
    inside = [path for path in named if _lies_under(path, cluster.root)]
    binds = [f"{path}:{path}:ro" for path in named if path not in inside]
    if cluster.llamafactory_checkout:
        binds.append(f"{cluster.llamafactory_checkout}:{CHECKOUT}:ro")
    binds += [written_out_bind(bind) for bind in cluster.binds]
    own = [f"jobs/{job_id}", *(dataset_path("", *content).lstrip("/") for content in contents)]
    own += [_output_of(resume.job_id)] if resume else []  # all of it: its best checkpoint may be another
    own += [*_outputs_of(source), *(path.removeprefix(f"{cluster.root.rstrip('/')}/") for path in inside)]
    return ContainerView(tuple(binds), tuple(dict.fromkeys(own)))


def checkpoint_place(resume: ResumePoint) -> str:
    """The folder of a checkpoint that a run goes on from, relative to our folder."""
    return f"{_output_of(resume.job_id)}/checkpoint-{resume.step}"


def allowed_places(cluster: ClusterSettings) -> AllowedPlaces:
    """The folders that configurations may name, as the container shows them."""
    binds = [written_out_bind(bind).split(":") for bind in cluster.binds]
    writable = tuple(place for _, place, options in binds if options == "rw")
    own = own_folders(cluster.root)
    checkout = CHECKOUT if cluster.llamafactory_checkout else None
    roots = (*cluster.allowed_roots, *([checkout] if checkout else []))
    return AllowedPlaces(
        roots=roots,
        models=cluster.models,
        hub_models=cluster.allow_hub_models,
        closed=own,
        checkout=checkout,
        writable=writable,
    )


def written_out_bind(bind: str) -> str:
    """A bind with its place and its options: `src` and `src:dest` are read only."""
    source, _, rest = bind.partition(":")
    place, _, options = rest.partition(":")
    return f"{source}:{place or source}:{options or 'ro'}"


def _outermost(paths: Sequence[str]) -> list[str]:
    """Each once, and none that lies in another."""
    folders = dict.fromkeys(path.rstrip("/") or "/" for path in paths)
    return [path for path in folders if not any(_lies_under(path, other) for other in folders if other != path)]


def _outputs_of(source: SourceModel | None) -> Iterator[str]:
    """The output folders of the jobs that a run is based on (request.sources keeps such paths as `jobs/...`)."""
    for path in (source.model, source.adapter) if source else ():
        if path and path.startswith("jobs/"):
            yield _output_of(path.split("/")[1])


def _output_of(job_id: str) -> str:
    return output_directory("", job_id).lstrip("/")


def _lies_under(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")
