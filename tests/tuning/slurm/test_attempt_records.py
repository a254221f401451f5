"""The records of a batch script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.slurm.attempt_records import (
    ExitRecord,
    StartRecord,
    parse_data_sums,
    parse_exit,
    parse_resumed,
    parse_serving,
    parse_started,
)

STARTED = b"slurm_job_id=12\nrestart=1\nnode=n1\nepoch=1795219200\n"


def test_a_start_and_an_end_are_read() -> None:
    assert parse_started(STARTED) == StartRecord(12, 1, "n1", 1795219200.0)
    assert parse_exit(STARTED + b"exit_code=143\n") == ExitRecord(12, 1, "n1", 1795219200.0, 143)


def test_the_sizes_of_the_growing_files_are_read_where_they_are_told() -> None:
    record = parse_exit(STARTED + b"exit_code=0\nstdout_bytes=12\nstderr_bytes=x\ntrainer_log_bytes=0\n")
    assert record
    assert record.stream_bytes == {"stdout": 12, "trainer_log": 0}


@pytest.mark.parametrize("text", [b"", STARTED, STARTED[:20], b"exit_code=0\n", STARTED + b"exit_code=-1\n"])
def test_half_an_end_is_none(text: bytes) -> None:
    assert parse_exit(text) is None


@pytest.mark.parametrize(
    "line",
    [
        b"epoch=999999999999999999",
        b"epoch=7258118400",
        b"exit_code=256",
        b"exit_code=99999999999",
        b"slurm_job_id=4294967296",
        b"restart=2147483648",
    ],
)
def test_a_record_with_a_number_that_no_run_has_is_none(line: bytes) -> None:
    name = line.partition(b"=")[0]
    kept = [one for one in (STARTED + b"exit_code=0\n").split(b"\n") if not one.startswith(name)]
    assert parse_exit(b"\n".join([line, *kept])) is None


def test_what_is_no_name_of_a_node_is_left_out() -> None:
    record = parse_started(STARTED.replace(b"n1", b"n\x001"))
    assert record
    assert record.node == ""


@pytest.mark.parametrize(("text", "step"), [(b"step=7\n", 7), (b"step=99999999999\n", None), (b"step=-1\n", None)])
def test_the_step_that_a_run_went_on_from_is_one_that_the_database_takes(text: bytes, step: int | None) -> None:
    assert parse_resumed(text) == step


@pytest.mark.parametrize(
    ("text", "sums"),
    [
        (b"", ()),
        (b"a" * 64 + b"  /d/identity.json\n" + b"b" * 64 + b"  /d/x y.json\n", ("a" * 64, "b" * 64)),
        (b"A" * 64 + b"  /d/x\n" + b"a" * 63 + b"  /d/y\nsha256sum: /d/z: No such file\n\xff", ()),
    ],
)
def test_the_hashes_of_data_are_those_of_whole_lines(text: bytes, sums: tuple[str, ...]) -> None:
    assert parse_data_sums(text) == sums


EDGES = (0, 1, 255, 256, 2**31, 2**32, 2**63 - 1, 2**63, 10**19 - 1, 2**64, 10**30)
NUMBERS = st.sampled_from(EDGES).map(lambda number: b"%d" % number) | st.binary(max_size=20)


@given(st.lists(NUMBERS, min_size=5, max_size=5), st.binary(max_size=20))
def test_any_record_of_an_end_holds_what_the_database_takes(values: list[bytes], more: bytes) -> None:
    names = (b"slurm_job_id", b"restart", b"node", b"epoch", b"exit_code")
    content = b"".join(b"%b=%b\n" % pair for pair in zip(names, values, strict=True)) + more
    found = parse_exit(content)
    if found is not None:
        assert parse_started(content)
        assert 0 <= found.exit_code <= 255
        assert max(found.slurm_job_id, found.restart) < 2**63


SERVING = b"slurm_job_id=7\nrestart=0\nnode=n1\nepoch=1700000000\n"


def test_where_a_model_is_served_is_read() -> None:
    record = parse_serving(SERVING + b"port=23456\naddress=n1.cluster\n")
    assert record is not None
    assert (record.start.slurm_job_id, record.address, record.port) == (7, "n1.cluster", 23456)


@pytest.mark.parametrize(
    "more",
    [b"", b"port=22\naddress=n1\n", b"port=70000\naddress=n1\n", b"port=23456\naddress=n1 -x\n", b"port=23456\n"],
)
def test_a_place_that_is_none_of_a_served_model_is_none(more: bytes) -> None:
    assert parse_serving(SERVING + more) is None
