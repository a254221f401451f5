"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """The sizes and repetitions of one run of the bench."""

    name: str
    insert_pairs: int
    single_submissions: int
    submission_pairs: int
    submission_jobs: int
    training_pairs: int
    live_jobs: tuple[int, ...]
    """Rising: the crowd only grows."""
    running_jobs: int
    """How many of them may run at once; the others wait in Slurm's queue."""
    cycles: int
    """Watched at each size, once without and once with readers."""
    tail_seconds: float
    help_pairs: int
    upload_bytes: int
    peer_jobs: int
    """Submitted at once through each peer."""
    peer_rounds: int
    is_patient: bool
    """Whether a peer is measured that waits a minute by design."""
    read_pairs: int
    read_seconds: float
    """Of each part of a pair."""
    poll_seconds: float
    listed_jobs: int
    list_pairs: int


FULL = Scale(
    name="full",
    insert_pairs=400,
    single_submissions=100,
    submission_pairs=5,
    submission_jobs=1000,
    training_pairs=7,
    live_jobs=(10, 100, 1000, 5000),
    running_jobs=200,
    cycles=5,
    tail_seconds=40.0,
    help_pairs=15,
    upload_bytes=4 * 10**9,
    peer_jobs=20,
    peer_rounds=2,
    is_patient=True,
    read_pairs=5,
    read_seconds=3.0,
    poll_seconds=300.0,
    listed_jobs=100_000,
    list_pairs=100,
)
QUICK = Scale(
    name="quick",
    insert_pairs=100,
    single_submissions=10,
    submission_pairs=2,
    submission_jobs=50,
    training_pairs=1,
    live_jobs=(10, 60),
    running_jobs=40,
    cycles=3,
    tail_seconds=15.0,
    help_pairs=5,
    upload_bytes=2 * 10**8,
    peer_jobs=5,
    peer_rounds=1,
    is_patient=False,
    read_pairs=3,
    read_seconds=1.5,
    poll_seconds=20.0,
    listed_jobs=20_000,
    list_pairs=40,
)
