"""Every site fault."""

from tests.chaos.site.administrator import administrator_faults
from tests.chaos.site.folder_faults import folder_faults
from tests.chaos.site.kind import SiteFault
from tests.chaos.site.service_faults import service_faults
from tests.chaos.site.slurm_faults import slurm_faults


def site_faults() -> list[SiteFault]:
    """Each once."""
    return [*slurm_faults(), *folder_faults(), *administrator_faults(), *service_faults()]
