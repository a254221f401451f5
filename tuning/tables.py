"""Every table of the database in one metadata: foreign keys go across the packages."""

from sqlalchemy.orm import configure_mappers

from tuning.clusters import models as clusters
from tuning.datasets import models as datasets
from tuning.db.engine import Base
from tuning.jobs import models as jobs
from tuning.jobs.serving import servers
from tuning.models import grants, pins
from tuning.notices import models as notices
from tuning.people import models as accounts
from tuning.secrets import models as secrets
from tuning.usage import models as usage

MODELS = (accounts, clusters, datasets, grants, jobs, notices, pins, secrets, servers, usage)
METADATA = Base.metadata


def configure_tables() -> None:
    """Configure the mappers of all tables: rows cannot be written while a table that they refer to is not imported."""
    configure_mappers()
