"""Request for a check of data: the body of `POST /datasets`, and the changes of a retry."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tuning.datasets.check.layouts.formats import Formatting, Purpose
from tuning.datasets.service import MAX_NAME_LENGTH
from tuning.errors import Finding, InvalidInput
from tuning.jobs.request.spec import JobRequest, SlurmWord

_LongestPath = Field(min_length=1, max_length=1000)


class ClusterDataset(BaseModel):
    """The JSON body of `POST /datasets`: a file that already lies on a cluster is looked at there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cluster_path: Annotated[str, _LongestPath] = Field(description="The file, under a folder that jobs may use.")
    cluster: SlurmWord | None = Field(default=None, description="By default the first of the server's clusters.")
    name: str | None = Field(
        default=None, min_length=1, max_length=MAX_NAME_LENGTH, description="By default the file's without its ending."
    )
    format: Formatting | None = Field(default=None, description="Refuse the file unless it has this form.")
    purpose: Purpose | None = Field(default=None, description="What it teaches, where its columns serve several.")
    entry: dict[str, Any] | None = Field(
        default=None, description="LLaMA-Factory's entry for it: formatting, columns, tags, ranking, num_samples."
    )
    tokenizer: Annotated[str, _LongestPath] | None = Field(
        default=None, description="A model, by its name in the catalogue or its path: lengths are told in tokens too."
    )


def resources_alone(changes: JobRequest) -> dict[str, Any]:
    """Resources that a retry asks of Slurm; everything else of a check is its data set's. Raises InvalidInput."""
    given = changes.model_dump(exclude_unset=True)
    asked: dict[str, Any] = given.pop("resources", {})
    asked = {name: value for name, value in asked.items() if value is not None}
    wrong = [*given, *([] if "cluster" not in asked else ["resources.cluster"])]
    if wrong:
        hint = "change resources (not the cluster), or add the file as another data set"
        raise InvalidInput([Finding((name,), f"{name} of a check cannot be changed", hint) for name in wrong])
    return asked
