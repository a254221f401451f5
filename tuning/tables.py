"""Every table, in one metadata: foreign keys go across the packages, so a program that writes rows imports this."""

from tuning.accounts import models as accounts
from tuning.clusters import models as clusters
from tuning.datasets import models as datasets
from tuning.db import Base
from tuning.jobs import models as jobs
from tuning.secrets import models as secrets

MODELS = (accounts, clusters, datasets, jobs, secrets)
METADATA = Base.metadata
