"""The worker's program, `python -m worker`."""

import subprocess
import sys

PROGRAM = """
import worker.__main__
from tuning.db.engine import Base
print(*(table.name for table in Base.metadata.sorted_tables))
"""


def test_the_program_knows_every_table_that_its_rows_refer_to() -> None:
    """A program of its own: the tests have imported all tables long before."""
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert {"users", "jobs", "attempts", "datasets"} <= set(found.stdout.split())
