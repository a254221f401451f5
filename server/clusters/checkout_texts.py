"""Files that a request's command names and only the cluster's checkout of LLaMA-Factory has, such as its examples.

They are read below the checkout that the operator named, as artifacts are (server.clusters.files): no link is followed,
so many and so much of each at most, within the person's budget of transfers.
"""

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence

from server.clusters.files import PersonFiles
from tuning.errors import ClusterError, Finding
from tuning.jobs.request.commands import CheckoutTexts, missing_files
from tuning.jobs.request.spec import JobRequest
from tuning.llamafactory.config.yaml_text import MAX_CHARACTERS
from tuning.settings import ClusterSettings

MOST_ROUNDS = 3
"""A script of the checkout may name its configuration, which is then looked for too."""
MOST_FILES = 10
"""In a round."""
_ENDS = (".yaml", ".yml", ".json", ".sh", ".bash", ".sbatch", ".slurm")


def read_checkout_texts(
    request: JobRequest,
    clusters: Mapping[str, ClusterSettings],
    files: PersonFiles,
    *,
    before: Callable[[], None] = lambda: None,
) -> CheckoutTexts:
    """Their texts; what is not there is left for the check to miss. `before` is called before the cluster is asked.

    Raises Unavailable when the budget is spent. Where the cluster cannot be asked, that is a finding: the text can be
    sent along.
    """
    cluster, texts = _cluster(request, clusters), dict[str, str]()
    if cluster is None or cluster.llamafactory_checkout is None:
        return CheckoutTexts()
    for _ in range(MOST_ROUNDS):
        places = dict(_places(missing_files(request, texts), cluster.llamafactory_checkout))
        if not places:
            break
        before()
        try:
            found = _read(files, cluster.name, cluster.llamafactory_checkout, places)
        except ClusterError as error:
            return CheckoutTexts(texts, (_not_asked(request, cluster.name, places, error),))
        if not found:
            break
        texts |= found
    return CheckoutTexts(texts)


def _cluster(request: JobRequest, clusters: Mapping[str, ClusterSettings]) -> ClusterSettings | None:
    """The cluster that the request names, else the first, as the intake has it."""
    if request.resources.cluster is not None:
        return clusters.get(request.resources.cluster)
    return next(iter(clusters.values()), None)


def _places(names: Sequence[str], checkout: str) -> Iterator[tuple[str, str]]:
    """The names of files that could be below the checkout, and their places there."""
    for name in names[:MOST_FILES]:
        place = posixpath.normpath(posixpath.join(checkout, name))
        is_plain = place.isprintable() and len(place) <= 1000 and place.endswith(_ENDS)
        if is_plain and place.startswith(f"{checkout.rstrip('/')}/"):
            yield name, place


def _read(files: PersonFiles, cluster: str, checkout: str, places: Mapping[str, str]) -> dict[str, str]:
    found = files.read_whole(cluster, checkout, list(dict.fromkeys(places.values())), MAX_CHARACTERS)
    return {name: found[place].decode("utf-8", "replace") for name, place in places.items() if place in found}


def _not_asked(request: JobRequest, cluster: str, names: Mapping[str, str], error: ClusterError) -> Finding:
    field_name = "command" if request.command is not None else "script"
    message = f"the checkout of {cluster} could not be asked for {next(iter(names))[:200]}: {error}"
    return Finding((field_name,), message, "ask again later, or give the file's text in `files`")
