import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.doctor.check import Answer, framed, unframed
from tests.ops.doctor.login_node import BOUNDARY
from tuning.ssh.transport import Completed


def _ask(script: str, shell: str = "/bin/sh", banner: bytes = b"") -> Answer:
    done = subprocess.run([shell, "-c", framed(script, BOUNDARY)], capture_output=True, check=False)
    return unframed(Completed(banner + done.stdout, done.stderr, done.returncode), BOUNDARY)


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_an_answer_is_what_the_script_printed_and_its_exit_status(shell: str) -> None:
    script = "echo 'a  \"b\"'; printf tail; echo why >&2; exit 7"
    assert _ask(script, shell, b"Welcome to the cluster!\n***\n") == Answer('a  "b"\ntail', "why\n", 7)


def test_an_answer_that_broke_off_is_a_failure() -> None:
    answer = unframed(Completed(f"{BOUNDARY}\nhalf".encode(), b"", 0), BOUNDARY)
    assert answer.exit_status != 0
    assert answer.stdout == ""


def test_a_shell_that_runs_nothing_is_a_failure_in_its_own_words() -> None:
    answer = unframed(Completed(b"This account is not available.\n", b"", 1), BOUNDARY)
    assert (answer.exit_status, answer.complaint) == (1, "This account is not available.")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_no_output_and_no_banner_can_be_taken_for_another(output: str, banner: str) -> None:
    stdout = f"{banner}\n{BOUNDARY}\n{output}{BOUNDARY} 0\n"
    assert unframed(Completed(stdout.encode(), b"", 0), BOUNDARY) == Answer(output, "", 0)


def test_the_complaint_is_the_last_line() -> None:
    assert Answer("", "one\ntwo\n\n", 1).complaint == "two"
    assert Answer("", "", 3).complaint == "exit status 3"
