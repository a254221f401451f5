"""Causes of failures by their signs: one readable table, the first row that fits counts.

Slurm's word weighs most: when it kills a job, whatever the job says last is only the echo. Then come the lines that no
run survives, the errors that were raised, most specific first, what other processes say of a peer that died, and last
the bare exit code. tests/fixtures/failures holds a recorded end for whatever a machine without a GPU can provoke.
"""

import re

from tuning.llamafactory.causes.errors import BETWEEN_PROCESSES, RAISED, USED_UP
from tuning.llamafactory.causes.exit_codes import BY_EXIT_CODE, OTHERWISE, SHOWN_BY_THE_SHELL, WHATEVER_ELSE
from tuning.llamafactory.causes.row import Row
from tuning.llamafactory.causes.slurm import BEFORE_THE_RUN, BY_SLURMSTEPD, BY_WORD

CAUSES: tuple[Row, ...] = (
    *BY_WORD,
    *BY_SLURMSTEPD,
    *BEFORE_THE_RUN,
    *USED_UP,
    *RAISED,
    *BETWEEN_PROCESSES,
    *BY_EXIT_CODE,
    *WHATEVER_ELSE,
    *SHOWN_BY_THE_SHELL,
)
WORDS = {row.sign: row for row in BY_WORD}
"""The rows of the words in which it is said how a run ended."""
PATTERNS = {row.sign: re.compile(row.sign) for row in CAUSES if row.place not in ("end", "exit_code")}

__all__ = ["CAUSES", "OTHERWISE", "PATTERNS", "WORDS", "Row"]
