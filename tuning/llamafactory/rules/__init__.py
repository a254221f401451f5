"""Rules that LLaMA-Factory applies only after it has started, as one readable table, in files by subject.

A row is broken when its condition holds for the run with LLaMA-Factory's defaults under it. Read and run with
LLaMA-Factory 0.9.5 and transformers 5.6.0; tests/e2e/llamafactory/test_check.py holds the rows against the real parser.
"""

from tuning.llamafactory.rules.data import DATA
from tuning.llamafactory.rules.export import EXPORT
from tuning.llamafactory.rules.extras import EXTRAS
from tuning.llamafactory.rules.method import METHOD
from tuning.llamafactory.rules.parallel import PARALLEL
from tuning.llamafactory.rules.rule import Rule, Run, check_rules
from tuning.llamafactory.rules.stages import STAGES
from tuning.llamafactory.rules.training import REPORTERS, TRAINING

RULES: tuple[Rule, ...] = (*STAGES, *DATA, *METHOD, *PARALLEL, *TRAINING, *EXPORT, *EXTRAS)

__all__ = ["REPORTERS", "RULES", "Rule", "Run", "check_rules"]
