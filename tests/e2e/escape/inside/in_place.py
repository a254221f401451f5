"""Start of the attacks in place of the training, by the first Python process of a run that has orders."""

import os

from . import __main__ as runner

runner.main()
os._exit(0)
