"""Status of a data set."""

from enum import StrEnum


class DatasetStatus(StrEnum):
    """An upload is ready at once; what lies on a cluster is looked at there first."""

    CHECKING = "checking"
    READY = "ready"
    REFUSED = "refused"
