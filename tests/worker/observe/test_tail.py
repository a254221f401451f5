"""Which parts of growing files are read."""

from hypothesis import given
from hypothesis import strategies as st

from tests.worker.live_attempts import attempt
from tuning.jobs.layout import stream_paths
from tuning.jobs.output.growth import Position
from tuning.jobs.queries.driver import LiveAttempt
from tuning.slurm.cluster import FileStat
from worker.observe.tail import (
    CYCLE_BYTES,
    LOG_BYTES,
    LOG_LIMIT_BYTES,
    TRAINER_LOG_BYTES,
    is_all_there,
    is_read_to_end,
    moved,
    plan_reads,
)


def stat(size: int, inode: int = 1) -> FileStat:
    return FileStat(inode=inode, size_bytes=size, modified_at=0.0)


LOG = stream_paths("/r", "job_a", 1)["trainer_log"]
OUT = stream_paths("/r", "job_a", 1)["stdout"]


def asked(one: LiveAttempt, files: dict[str, FileStat]) -> list[tuple[str, int, int]]:
    return [(read.stream, read.request.offset, read.request.length) for read in plan_reads("/r", [one], files)]


def test_a_file_that_did_not_grow_is_not_read() -> None:
    held_back = Position(inode=1, size_bytes=50, offset_bytes=40)
    assert asked(attempt(trainer_log=held_back), {LOG: stat(50)}) == []


def test_what_has_grown_is_read_from_the_last_whole_line_on() -> None:
    held_back = Position(inode=1, size_bytes=50, offset_bytes=40)
    assert asked(attempt(trainer_log=held_back), {LOG: stat(70)}) == [("trainer_log", 40, 30)]


def test_another_file_or_a_shorter_one_is_read_from_its_start() -> None:
    position = Position(inode=1, size_bytes=50, offset_bytes=50)
    assert asked(attempt(trainer_log=position), {LOG: stat(60, inode=2)}) == [("trainer_log", 0, 60)]
    assert asked(attempt(trainer_log=position), {LOG: stat(20)}) == [("trainer_log", 0, 20)]


def test_of_a_flood_on_stdout_only_the_end_is_read() -> None:
    assert asked(attempt(), {OUT: stat(10 * LOG_BYTES)}) == [("stdout", 9 * LOG_BYTES, LOG_BYTES)]


def test_a_long_training_log_is_at_its_end_with_its_last_piece() -> None:
    files = {LOG: stat(2 * TRAINER_LOG_BYTES)}
    first = plan_reads("/r", [attempt()], files)
    assert not is_read_to_end("/r", attempt(), files, first)
    position = moved(first[0], TRAINER_LOG_BYTES - 5, 0, None)
    later = attempt(trainer_log=position)
    second = plan_reads("/r", [later], files)
    assert second[0].request.offset == TRAINER_LOG_BYTES - 5
    third = attempt(trainer_log=moved(second[0], TRAINER_LOG_BYTES, 0, position))
    assert is_read_to_end("/r", third, files, plan_reads("/r", [third], files))


def test_a_run_without_a_training_log_is_at_its_end() -> None:
    assert is_read_to_end("/r", attempt(), {}, [])


def test_a_file_that_is_seen_shorter_than_it_was_left_is_not_all_there() -> None:
    files = {LOG: stat(60), OUT: stat(5)}
    assert is_all_there("/r", attempt(), files, {"trainer_log": 60, "stdout": 4, "stderr": 0})
    assert not is_all_there("/r", attempt(), files, {"trainer_log": 61})
    assert not is_all_there("/r", attempt(), files, {"stderr": 1})


def test_a_training_log_without_end_is_read_to_a_limit_and_no_further() -> None:
    files = {LOG: stat(2**62)}
    near = attempt(trainer_log=Position(1, LOG_LIMIT_BYTES - 10, LOG_LIMIT_BYTES - 10))
    (last,) = plan_reads("/r", [near], files)
    assert last.request.length == 10
    read = attempt(trainer_log=moved(last, 5, 0, near.positions["trainer_log"]))
    assert plan_reads("/r", [read], files) == []
    assert is_read_to_end("/r", read, files, [])


def test_bad_lines_add_up_to_what_the_database_can_count() -> None:
    read = plan_reads("/r", [attempt()], {LOG: stat(10)})[0]
    assert moved(read, 10, 2, Position(1, 0, 0, bad_lines=2**31 - 2)).bad_lines == 2**31 - 1
    assert moved(read, 10, 2, Position(1, 0, 0, bad_lines=3)).bad_lines == 5


@given(sizes=st.lists(st.integers(0, 3 * TRAINER_LOG_BYTES), max_size=60))
def test_a_cycle_never_asks_for_more_than_its_bytes(sizes: list[int]) -> None:
    attempts = [attempt(f"job_{number}") for number in range(len(sizes))]
    paths = [stream_paths("/r", one.job_id, 1)["trainer_log"] for one in attempts]
    reads = plan_reads("/r", attempts, {path: stat(size) for path, size in zip(paths, sizes, strict=True)})
    assert sum(read.request.length for read in reads) <= CYCLE_BYTES
    assert all(read.request.length > 0 for read in reads)


def test_floods_do_not_keep_a_young_job_from_being_read() -> None:
    attempts = [attempt(f"job_{number}") for number in range(200)]
    paths = [stream_paths("/r", one.job_id, 1)["trainer_log"] for one in attempts]
    files = {path: stat(TRAINER_LOG_BYTES) for path in paths[:-1]} | {paths[-1]: stat(300)}
    reads = {read.job_id: read.request.length for read in plan_reads("/r", attempts, files)}
    assert reads["job_199"] == 300
    assert min(reads.values()) == 300
    assert sorted(reads.values())[1] >= (CYCLE_BYTES - 300) // 199
