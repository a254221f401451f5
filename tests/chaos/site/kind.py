"""Kind of trial in which a site has a bad day."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.site.scene import SiteScene


@dataclass(frozen=True)
class SiteFault:
    """A fault of the site: struck and taken back by `strike`, which leaves the jobs that it ordered to be judged."""

    name: str
    strike: Callable[[SiteScene], None]
    crew: int = 1
    accounting: bool = True
    """Whether packtrain may ask accounting."""
