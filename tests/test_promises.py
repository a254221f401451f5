"""Every test that tests/e2e/promises.py names is there."""

import ast
from pathlib import Path

import pytest

from tests.e2e.promises import PROMISES, is_promised

E2E = Path(__file__).parent / "e2e"


@pytest.mark.parametrize("test", sorted({test for tests in PROMISES.values() for test in tests}))
def test_a_promise_names_a_test_that_is_there(test: str) -> None:
    file, _, name = test.partition("::")
    functions = {node.name for node in ast.parse((E2E / file).read_text()).body if isinstance(node, ast.FunctionDef)}
    assert not name or name.partition("[")[0] in functions
    assert any(function.startswith("test_") for function in functions)


def test_a_test_is_promised_by_its_file_its_function_or_itself() -> None:
    assert is_promised("jobs/test_cancel.py", "test_anything[x]")
    assert is_promised("faults/test_faults.py", "test_a_daemon_that_is_gone_ends_no_job[slurmctld down]")
    assert not is_promised("faults/test_faults.py", "test_a_daemon_that_is_gone_ends_no_job[sshd down]")
