"""Causes of failures by their signs: readable tables, the first row that fits counts.

Slurm's word weighs most: when it kills a job, whatever the job says last is only the echo. Then come a node that does
not work, the lines that no run survives, the errors that were raised, most specific first, what other processes say of
a peer that died, and last the bare exit code. tests/fixtures/failures holds a recorded end for whatever a machine
without a GPU can provoke, and many that others met.
"""

import re
from functools import cache

from tuning.llamafactory.causes.arguments import ARGUMENTS, PARSED_ARGUMENTS
from tuning.llamafactory.causes.data import DATA, DATA_ON_A_HUB, WHILE_READING_DATA
from tuning.llamafactory.causes.exit_codes import BY_EXIT_CODE, OTHERWISE, SHOWN_BY_THE_SHELL, WHATEVER_ELSE
from tuning.llamafactory.causes.image import GPU_OF_THE_IMAGE, NEW_MODELS, NO_DRIVER, NOT_LINKED, NOT_STARTED, PACKAGES
from tuning.llamafactory.causes.model import ASSERTED, MODEL_FILES, MODEL_NOT_LOADED, MODEL_ON_A_HUB
from tuning.llamafactory.causes.node import LAUNCH, MAYBE_LAUNCH, SICK_NODE
from tuning.llamafactory.causes.processes import BETWEEN_PROCESSES
from tuning.llamafactory.causes.refusals import REFUSALS, VERSIONS
from tuning.llamafactory.causes.row import Row
from tuning.llamafactory.causes.slurm import BEFORE_THE_RUN, BY_SLURMSTEPD, BY_WORD
from tuning.llamafactory.causes.space import USED_UP
from tuning.llamafactory.causes.training import NUMBERS, OTHER_ERRORS, TRACKERS

CAUSES: tuple[Row, ...] = (
    *BY_WORD,
    *BY_SLURMSTEPD,
    *LAUNCH,
    *BEFORE_THE_RUN,
    *SICK_NODE,
    *ASSERTED,
    *USED_UP,
    *NOT_STARTED,
    *GPU_OF_THE_IMAGE,
    *NO_DRIVER,
    *TRACKERS,
    *NUMBERS,
    *DATA_ON_A_HUB,
    *MODEL_ON_A_HUB,
    *ARGUMENTS,
    *DATA,
    *NEW_MODELS,
    *MODEL_FILES,
    *PACKAGES,
    *MODEL_NOT_LOADED,
    *PARSED_ARGUMENTS,
    *OTHER_ERRORS,
    *VERSIONS,
    *WHILE_READING_DATA,
    *REFUSALS,
    *BETWEEN_PROCESSES,
    *NOT_LINKED,
    *BY_EXIT_CODE,
    *MAYBE_LAUNCH,
    *WHATEVER_ELSE,
    *SHOWN_BY_THE_SHELL,
)
WORDS = {row.sign: row for row in BY_WORD}
"""The rows of the words in which it is said how a run ended."""


@cache
def pattern(sign: str) -> re.Pattern[str]:
    """The regular expression of a sign; only the tables' are asked for."""
    return re.compile(sign)


__all__ = ["CAUSES", "OTHERWISE", "WORDS", "Row", "pattern"]
