"""Causes in a node: Slurm could not launch on it, a GPU or a file system of it does not work."""

from tuning.llamafactory.causes.row import Row

ELSEWHERE = "retry on another node (`exclude` this one), and tell the site"
_LAUNCH_ELSEWHERE = "nothing is wrong with the job: retry; if it happens again, `exclude` the node and tell the site"
_FAILED_TASK = r"^srun: error: \S+: tasks? [\d,-]+: Exited with exit code"
_SLURM_SAID = r"^slurmstepd\S*: error: (?!\*\*\*)|^srun: error: (?!\S+: tasks? )"

LAUNCH = (
    Row(
        "launch_failed",
        "stderr",
        r"[Tt]ask (launch for \S+|\d+ launch) failed|Application launch failed"
        r"|Unable to (create step|confirm allocation)"
        r"|execve\(\): \S*slurm_script|[Jj]ob credential|failed to distribute tasks|container_[gp]_join"
        r"|Failed to invoke (spank|task) plugin|Slurm job's script is missing|^srun: fatal: "
        r"|[Pp]rolog (hung|failed|failure)|job_manager: exiting abnormally|could not execve job"
        r"|[Mm]unge (en|de)code failed|Protocol authentication error",
        "Slurm could not start the job on its nodes: {line}",
        _LAUNCH_ELSEWHERE,
        also=_SLURM_SAID,
    ),
    Row(
        "node_fail",
        "stderr",
        r"srun: error: Node failure on|^srun: error: .*[Nn]ode \S+ .*(not responding|DOWN)",
        "the node failed: {line}",
        "retry; nothing is wrong with the job",
    ),
)

# slurmstepd says such things of jobs that run as well: behind all that says more.
MAYBE_LAUNCH = (
    Row(
        "launch_failed",
        "stderr",
        r"^slurmstepd: error: .*(([Uu]nable to|cannot) (create|instanc?iate) .*cgroup|write value .*cgroup.* failed)",
        "Slurm could not start the job on its nodes: {line}",
        _LAUNCH_ELSEWHERE,
        also=_SLURM_SAID,
    ),
)

SICK_NODE = (
    Row(
        "node_fail",
        "stderr",
        r"[Uu]ncorrectable (NVLink|ECC)|cudaError(ECCUncorrectable|DevicesUnavailable|LaunchFailure|SystemNotReady)"
        r"|(device\(s\) is/are|devices are) busy or unavailable|unspecified launch failure|fallen off the bus"
        r"|GPU is lost|GPU requires reset|\bXid\b"
        r"|launch timed out|^NVRM: |system not yet initialized|CUDA (error: )?unknown error"
        r"|Cuda failure.*unknown error|Unable to determine the device handle|hardware stack error"
        r"|communicate with the NVIDIA driver|NVML: (Unknown Error|GPU)|RmInitAdapter failed|NVLink error|Error 802\b",
        "a GPU of the node does not work: {line}",
        ELSEWHERE,
        also=_FAILED_TASK,
    ),
    Row(
        "node_fail",
        "stderr",
        r"(?i)input/output error|stale (nfs )?file handle|transport endpoint|remote i/o error|structure needs cleaning"
        r"|no locks available|host is down|communication error on send"
        r"|\[errno (5|37|70|107|108|112|116|117|121)\]|os error (5|107|108|116|121)\)",
        "a file system of the node failed: {line}",
        ELSEWHERE,
        also=_FAILED_TASK,
    ),
    Row(
        "node_fail",
        "last",
        r"Device or resource busy|\[Errno 16\]",
        "a file system of the node failed: {line}",
        ELSEWHERE,
    ),
)
