"""Length of runs before they tell it themselves: by their time limit, and how much of theirs earlier runs needed.

People ask for more time than they need, each in their own way: the parts of their limits that a person's last runs
took say more of the next one than its limit does.
"""

import math
from collections.abc import Sequence

from tuning.queue.estimate import Estimate

MOST_PARTS = 20
"""So many of a person's last runs are counted."""
USUAL_PARTS = (0.1, 0.3, 0.5, 0.7, 0.95)
"""Parts of their limits that runs take where little is known; they count beside a person's own runs."""
_LOW_SHARE, _HIGH_SHARE = 0.2, 0.8
_OVERDUE_PART = 0.05
"""Of its limit, for a run that has taken longer than all earlier ones."""


def run_length(limit_seconds: float, parts: Sequence[float], ran_seconds: float = 0.0) -> Estimate:
    """Seconds from a run's start to its end, of which it has had some; `parts` are those of the person's last runs."""
    limit = max(limit_seconds, 1.0)
    had = min(max(ran_seconds, 0.0) / limit, 1.0)
    known = sorted(part for part in (*parts[-MOST_PARTS:], *USUAL_PARTS) if had < part <= 1.0)
    if not known:
        soon = min(had + _OVERDUE_PART, 1.0)
        return Estimate(had * limit, soon * limit, limit)
    expected = math.fsum(known) / len(known)
    return Estimate.around(
        expected * limit, _quantile(known, _LOW_SHARE) * limit, _quantile(known, _HIGH_SHARE) * limit
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
