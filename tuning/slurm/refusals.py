"""Slurm's error messages by what follows from each: refusal of the job, waiting for the site, or an unknown outcome.

The words are those of slurm_errno.c (22.05 to 24.11), of sbatch and its library, and of the C library in the C locale;
tests/transcripts/slurm_errors.tsv has all of slurm_errno.c with the class of each.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class RefusalClass(StrEnum):
    """Class of an error message of sbatch, by its consequence for the job."""

    REFUSED = "refused"
    """The job asks for what the cluster does not have: the same again is refused again."""
    SHAPE = "shape"
    """No node is as the job asks; whether there are such nodes tells what the cluster says of itself."""
    UNHEARD = "unheard"
    """sbatch gave up waiting, or was cut off: slurmctld may have heard it, and may still act on it."""
    DISK_FULL = "disk_full"
    LIMIT = "limit"
    """A limit on jobs or on usage of an account or a QOS: waiting."""
    PARTITION = "partition"
    """The partition, or what lies in it, takes no jobs at present: waiting."""
    SITE = "site"
    """Nothing can be submitted at present: waiting."""
    JOB = "job"
    """Of this job alone, and it may pass: waiting."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Rule:
    """Error messages of one class."""

    refusal_class: RefusalClass
    words: re.Pattern[str]
    hint: str | None = None


def class_of(said: str) -> tuple[RefusalClass, str | None]:
    """The class of what sbatch printed, and a hint where the rule has one."""
    answered = _without_the_sites_words(said)
    texts = {RefusalClass.UNHEARD: answered}
    found = next((rule for rule in RULES if rule.words.search(texts.get(rule.refusal_class, said))), None)
    return (found.refusal_class, found.hint) if found is not None else (RefusalClass.UNKNOWN, None)


def _without_the_sites_words(said: str) -> str:
    """Without what a site's own plugin says of a job: that was heard, whatever words it was refused in."""
    lines = said.splitlines()
    if not any(_FINAL in line for line in lines):
        return said
    return "\n".join(line for line in lines if not line.startswith("sbatch: error: ") or _OF_SLURM.match(line))


def _rule(refusal_class: RefusalClass, words: str, hint: str | None = None) -> Rule:
    return Rule(refusal_class, re.compile(words, re.MULTILINE | re.IGNORECASE), hint)


_FINAL = "Batch job submission failed: "
_OF_SLURM = re.compile(
    rf"sbatch: error: ({_FINAL}|\w*_\w*: |xgetaddrinfo: |(Unable to|If) |Munge |Socket timed|Zero Bytes|Transport )"
)
"""Lines of sbatch and its library: a function's name, or their first words."""
_FULL = "free some space there, or ask for a larger quota"
_SEE_PARTITIONS = "what the partitions have: GET /api/v1/clusters, or `packtrain clusters show`"
_SEE_ACCOUNT = "ask the site what the service account may use"
_LESS_TIME = "ask for less time, or for a partition that allows more"
_REFUSED, _UNHEARD, _LIMIT = RefusalClass.REFUSED, RefusalClass.UNHEARD, RefusalClass.LIMIT
_PARTITION, _SITE, _JOB = RefusalClass.PARTITION, RefusalClass.SITE, RefusalClass.JOB

# The first that matches counts. sbatch prints a line with the particulars before the general one: those stand first.
RULES = (
    _rule(_REFUSED, r"^sbatch: error: invalid partition specified: ", _SEE_PARTITIONS),  # and behind it a name
    _rule(
        _LIMIT,
        r"(QOS|Assoc)(\w*Submit|(Max|Grp)Jobs|Grp\w*Minutes|MaxCPURunMinutes|UsageThreshold)|MaxSubmitJobs"
        r"|usage threshold|Burst Buffer resource limit",
    ),
    # The general sentence follows on a job that is too large or too long for its QOS: that one would wait for ever.
    _rule(_REFUSED, r"error: (QOS|Assoc)\w+$", "ask for less, or for another QOS"),
    _rule(_LIMIT, r"violates accounting/QOS policy|job submit limit"),
    _rule(RefusalClass.DISK_FULL, r"No space left on device|quota exceeded|I/O error writing script", _FULL),
    _rule(_UNHEARD, r"timed out|zero bytes were|\((send|receive|shutdown) failure\)|message (send|receive) failure"),
    # Before anything was sent: what sbatch itself lacks on the login node.
    _rule(
        _SITE,
        r"generating job credential|munge (encode|store) failed|authentication agent|public key"
        r"|getaddrinfo|Name or service not known|name resolution|find (an )?address|resolve (host|controller|path)"
        r"|DNS|controller (machine|port)|control machine|slurm\.conf|configuration (file|error|source)"
        r"|fetch config|ConfigLess|config server"
        r"|(?<!SelectType )plug-?in|spank|shared librar|shared object|symbol lookup|GLIBC|libslurm|dlopen"
        r"|Cannot allocate memory|allocat\w+ memory|memory (allocation|management)|out of memory|shared memory"
        r"|fork|Too many open files|pthread|Resource temporarily unavailable|temporarily unable to accept job"
        r"|Unable to open file|Cannot stat|could not open|look like a batch script|line must start with #!"
        r"|getcwd failed|change directory|Read-only file system|Stale|Input/output error|: Permission denied"
        r"|Remote I/O error|Host is down|No such device",
    ),
    _rule(
        _UNHEARD,
        r"contact slurm controller|zero length message|not responding"
        r"|communication|connection|unexpected message|transport endpoint|authentication|credential|munge"
        r"|send entire message|message length|missing socket|broken pipe|reset by peer"
        r"|Header lengths are longer|Token Generation failed",
    ),
    _rule(
        _SITE,
        r"standby mode|try a different controller|Incompatible|version|heartbeat file|takeover|shutdown"
        r"|Rate limit exceeded|internal error|create job record|Duplicate job id|MaxJobCount|submissions disabled"
        r"|presently disabled|Only batch jobs are accepted|requires? (a )?restart|restart of|DB index"
        r"|job state information|Invalid (user|group) id|User not found|Group ID not found|Missing UNIX"
        r"|resolve (user|group) ID|database|interconnect|Reboot already in progress|Slurmd could not"
        r"|BurstBuffer|federation|sibling|eligible clusters"
        r"|invalid TRESBillingWeights|Invalid JobDefaults|heavy load|Try again|Preemption is required but",
    ),
    _rule(
        _PARTITION,
        r"partition not available|Partition in DOWN state|partition configuration not available"
        r"|node not available|Requested nodes are busy|maintenance reservation|Partition is in use"
        r"|Access/permission denied|Max powered up nodes|User's group not permitted to use this partition",
    ),
    _rule(
        _JOB,
        r"reservation|Licenses currently unavailable|insufficient priority|too fragmented|can not start immediately"
        r"|scheduling attempts deferred|burst buffer$|Switch resources currently|\bports\b|can not be altered now"
        r"|held state|PrologSlurmctld|Data has not changed|pending execution",
    ),
    _rule(_REFUSED, r"invalid (account|qos|wckey)|account/partition combination|unknown association", _SEE_ACCOUNT),
    _rule(
        _REFUSED,
        r"invalid partition|No partition specified|Multiple partition job request|nodes not in this partition"
        r"|More processors|Requested more tasks|Node count|Job size specification"
        r"|(CPU|Task) count specification|Task distribution|task distribution|Too few processes"
        r"|invalid number of (tasks|cpus|nodes)|threads per core|node (name|list) specified|nodefile|\bgres\b"
        r"|RestrictedCoresPerGPU|topology configuration|block (name|layout)|\bTRES\b|can not be satisfied"
        r"|Memory required by task|not supported on this system",
        _SEE_PARTITIONS,
    ),
    _rule(RefusalClass.SHAPE, r"node configuration is not available", _SEE_PARTITIONS),
    _rule(
        _REFUSED,
        r"invalid (preferred )?feature|Active features|--batch option|extra constraints|KNL|cluster feature",
        "no node has this constraint",
    ),
    _rule(_REFUSED, r"time limit is invalid|Time limit specification|time-min|Invalid time specified", _LESS_TIME),
    _rule(
        _REFUSED,
        r"Invalid --|Invalid directive|Invalid argument|unrecognized option|requires an argument|dependency"
        r"|Invalid (job array|license|mcs_label|container|cluster name|accounting frequency)|parameter too long"
        r"|script not specified|working directory specified|Environment is missing|too (big|large)"
        r"|Burst Buffer (request|permission)|Container (support|runtime)|heterogeneous job|X11 forwarding",
    ),
)
