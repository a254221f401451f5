"""Status of a data set, and of an upload in parts."""

from enum import StrEnum


class DatasetStatus(StrEnum):
    """An upload is ready at once; what lies on a cluster is looked at there first."""

    CHECKING = "checking"
    READY = "ready"
    REFUSED = "refused"


class UploadStatus(StrEnum):
    """An upload in parts takes parts while it is pending."""

    PENDING = "pending"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
