"""Weights of the order of the queue, as the settings give them."""

from tuning.queue.order import Weights
from tuning.queue_settings import QueueSettings

_PREFIX = "queue_"


def weights_of(settings: QueueSettings) -> Weights:
    """The weights that are given, and for the others their defaults."""
    given = settings.model_dump(include=set(QueueSettings.model_fields), exclude_none=True)
    return Weights(**{name.removeprefix(_PREFIX): value for name, value in given.items()})
