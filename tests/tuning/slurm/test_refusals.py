"""Each error message of Slurm's has a class, and what follows from it is a typed error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import transcripts
from tuning.errors import (
    ClusterError,
    RemoteDiskFull,
    ShapeRefused,
    SiteLimit,
    SiteState,
    SlurmUnavailable,
    SubmissionRefused,
    UnknownRefusal,
)
from tuning.slurm.command_errors import own_words, refusal_of
from tuning.slurm.refusals import RefusalClass, class_of

KNOWN = [line.split("\t") for line in (transcripts.HERE / "slurm_errors.tsv").read_text(encoding="utf-8").splitlines()]
FAILED = "sbatch: error: Batch job submission failed: "
SITE, PARTITION, JOB = (SiteState, "cluster"), (SiteState, "partition"), (SiteState, "job")


def scope_of(error: ClusterError | None) -> tuple[type[ClusterError] | None, str | None]:
    return type(error) if error is not None else None, getattr(error, "scope", None)


def test_all_errors_of_both_versions_are_in_the_table() -> None:
    assert {version: sum(version in line[1] for line in KNOWN) for version in ("22.05", "24.11")} == {
        "22.05": 246,
        "24.11": 296,
    }


@pytest.mark.parametrize("version", ["22.05", "24.11"])
def test_each_error_of_slurms_has_its_class(version: str) -> None:
    own = [line for line in KNOWN if version in line[1]]
    assert [(text, str(class_of(FAILED + text)[0])) for _, _, _, text in own] == [
        (text, expected) for _, _, expected, text in own
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Required partition not available (inactive or drain)", PARTITION),
        ("Partition in DOWN state", PARTITION),
        ("Requested partition configuration not available now", PARTITION),
        ("Required node not available (down, drained or reserved)", PARTITION),
        ("Requested reservation is invalid", JOB),
        ("Access denied to requested reservation", JOB),
        ("Licenses currently unavailable", JOB),
        ("Slurm backup controller in standby mode", SITE),
        ("Controller is in standby mode, try a different controller", SITE),
        ("Incompatible versions of client and server code", SITE),
        ("Can't find an address, check slurm.conf", SITE),
        ("System submissions disabled", SITE),
        ("Rate limit exceeded, please retry later", SITE),
        ("Unable to create job record, try again", SITE),
        ("Slurm internal error, contact system administrator", SITE),
        ("Plugin initialization failed", SITE),
        ("User not found on host", SITE),
        ("Unspecified error", (UnknownRefusal, "job")),
        ("Requested node configuration is not available", (ShapeRefused, None)),
        ("Invalid partition name specified", (SubmissionRefused, None)),
        ("Invalid account or account/partition combination specified", (SubmissionRefused, None)),
        ("Invalid qos specification", (SubmissionRefused, None)),
        ("Invalid feature specification", (SubmissionRefused, None)),
        ("Requested time limit is invalid (missing or exceeds some limit)", (SubmissionRefused, None)),
        ("Node count specification invalid", (SubmissionRefused, None)),
        ("More processors requested than permitted", (SubmissionRefused, None)),
        ("Invalid generic resource (gres) specification", (SubmissionRefused, None)),
        ("Unable to contact slurm controller (connect failure)", (None, None)),
        ("Protocol authentication error", (None, None)),
    ],
)
def test_the_sites_state_waits_and_a_wrong_wish_is_refused(text: str, expected: object) -> None:
    assert scope_of(refusal_of(FAILED + text, 1)) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("sbatch: fatal: Could not establish a configuration source", SITE),
        ("sbatch: error: resolve_ctls_from_dns_srv: res_nsearch error: Host name lookup failure\n"
         "sbatch: error: fetch_config: DNS SRV lookup failed\n"
         "sbatch: fatal: Could not establish a configuration source", SITE),
        ("sbatch: error: s_p_parse_file: unable to status file /etc/slurm/slurm.conf: No such file or directory, "
         "retrying in 1sec up to 60sec\nsbatch: fatal: Unable to process configuration file", SITE),
        ("sbatch: error: If munged is up, restart with --num-threads=10\n"
         "sbatch: error: Munge encode failed: Failed to access munge.socket.2: No such file", SITE),
        ("sbatch: error: xgetaddrinfo: getaddrinfo(head:6817) failed: Temporary failure in name resolution\n"
         "sbatch: error: slurm_set_addr: Unable to resolve \"head\"", SITE),
        ("sbatch: error: cannot find auth plugin for auth/munge", SITE),
        ("sbatch: fatal: failed to initialize auth plugin", SITE),
        ("bash: fork: retry: Resource temporarily unavailable", SITE),
        ("sbatch: error: xmalloc: Unable to allocate memory for 4096 bytes", SITE),
        ("sbatch: error while loading shared libraries: libslurmfull.so: cannot open shared object file", SITE),
        ("sbatch: error: Unable to open file /r/job.sh", SITE),
        ("sbatch: error: Unable to open file /r/job.sh: Transport endpoint is not connected", SITE),
        ("sbatch: error: Batch job submission failed: Read-only file system", SITE),
        ("sbatch: error: getcwd failed: Stale file handle", SITE),
        ("sbatch: error: invalid partition specified: plugin\n" + FAILED + "Invalid partition name specified",
         (SubmissionRefused, None)),
        ("sbatch: error: Memory specification can not be satisfied\n"
         + FAILED + "Requested node configuration is not available", (SubmissionRefused, None)),
        ("sbatch: error: QOSGrpCPUMinutesLimit\n" + FAILED + "Job violates accounting/QOS policy", (SiteLimit, None)),
        ("sbatch: error: AssocGrpJobsLimit\n" + FAILED + "Job violates accounting/QOS policy", (SiteLimit, None)),
        ("sbatch: error: QOSMaxCPUMinutesPerJobLimit\n" + FAILED + "Job violates accounting/QOS policy",
         (SubmissionRefused, None)),
        (FAILED + "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
         (SiteLimit, None)),
        ("sbatch: error: lua: come back on Monday\n" + FAILED + "Unspecified error", (UnknownRefusal, "job")),
        ("sbatch: error: cli_filter says no", (UnknownRefusal, "job")),
        ("", (UnknownRefusal, "job")),
        ("sbatch: error: Munge decode failed: Expired credential", (None, None)),
        ("sbatch: error: xgetaddrinfo: getaddrinfo() failed\n" + FAILED + "Socket timed out on send/recv operation",
         (None, None)),
        (FAILED + "No space left on device", (RemoteDiskFull, None)),
    ],
)  # fmt: skip
def test_what_sbatch_lacks_on_the_login_node_waits(said: str, expected: object) -> None:
    assert scope_of(refusal_of(said, 1)) == expected


@pytest.mark.parametrize(
    "words",
    [
        "The allocation is used up. For the connection of projects to budgets write to the help desk.",
        "rejected: communication with the help desk is required first",
        "authentication of this project has expired: credentials are renewed in the portal",
        "lua: your last job is not responding, it timed out",
    ],
)
@pytest.mark.parametrize("final", ["Unspecified error", "Access/permission denied"])
def test_what_a_site_refuses_in_its_own_words_was_heard_and_is_told(words: str, final: str) -> None:
    error = refusal_of(f"sbatch: error: {words}\n{FAILED}{final}", 1)
    assert isinstance(error, SiteState)
    assert words in str(error)


@given(said=st.text(max_size=300), status=st.integers(1, 255))
def test_no_words_are_an_error_and_unknown_ones_fail_no_job(said: str, status: int) -> None:
    error = refusal_of(said, status)
    if status in (126, 127):
        assert isinstance(error, SlurmUnavailable)
    elif 128 < status < 255:
        assert error is None
    elif class_of(said)[0] is RefusalClass.UNKNOWN:
        assert isinstance(error, UnknownRefusal)
        assert str(error) == (own_words(said) or f"sbatch ended with status {status}")
