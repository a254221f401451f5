"""Causes by Slurm's words: its state, lines of slurmstepd, images that cannot be started."""

from tuning.llamafactory.causes.row import IMAGE, MORE_MEMORY, Row

_LONGER = "give a longer time_limit, or fewer steps"
_AGAIN = "retry; nothing is wrong with the job"
_ELSEWHERE = "retry, or use a partition without preemption"

BY_WORD = (
    Row("timeout", "end", "timeout", "the time limit was reached", _LONGER),
    Row("deadline", "end", "deadline", "the job could not end before its deadline", _LONGER),
    Row("out_of_memory", "end", "out_of_memory", "the host's memory ran out (not the GPU's)", MORE_MEMORY),
    Row("node_fail", "end", "node_fail", "the node failed", _AGAIN),
    Row("boot_fail", "end", "boot_fail", "the node did not boot", _AGAIN),
    Row("launch_failed", "end", "launch_failed", "Slurm could not start the job on its nodes", _AGAIN),
    Row("preempted", "end", "preempted", "a job of higher priority took the nodes", _ELSEWHERE),
    Row("cancelled", "end", "cancelled", "the job was cancelled"),
    Row(
        "stalled",
        "end",
        "stalled",
        "the run stood still and was ended",
        "retry; if it stands still again, look at the end of the logs",
    ),
    Row(
        "lost",
        "end",
        "lost",
        "Slurm no longer knows this job, and it left no record of its end",
        "it may have been purged after a failure of its node; retry, and ask the site if it happens again",
    ),
)

# What slurmstepd wrote, where Slurm itself does not say it.
BY_SLURMSTEPD = (
    Row("timeout", "stderr", r"DUE TO TIME LIMIT", "the time limit was reached", _LONGER),
    Row("node_fail", "stderr", r"DUE TO NODE FAILURE", "the node failed", _AGAIN),
    Row("preempted", "stderr", r"DUE TO PREEMPTION", "a job of higher priority took the nodes", _ELSEWHERE),
    Row("preempted", "stderr", r"DUE TO JOB REQUEUE", "Slurm put the job back into its queue", _AGAIN),
    Row(
        "out_of_memory",
        "stderr",
        r"(slurmstepd\S*|srun): error:.*(oom[-_ ]?kill|Out Of Memory|[Ee]xceeded .*memory limit)",
        "the host's memory ran out (not the GPU's)",
        MORE_MEMORY,
    ),
    Row("cancelled", "stderr", r"\*\*\* JOB \d+ ON \S+ CANCELLED AT", "the job was cancelled"),
)

BEFORE_THE_RUN = (
    Row(
        "not_found",
        "stderr",
        r"error: execve\(\): \S+: No such file or directory",
        "a program of the job was not found on its node: {line}",
        "is Apptainer installed on the node?",
    ),
    Row(
        "container",
        "stderr",
        r"^packtrain: the prelude failed",
        "what the operator runs before each job did not work: {line}",
        "exclude the node and tell the operator: `prelude` in the cluster's settings",
    ),
    Row(
        "container",
        "stderr",
        r"^packtrain: no private folder",
        "the node has no room for the run's temporary files: {line}",
        "retry; if it happens again, exclude the node and tell the site",
    ),
    Row(
        "container",
        "stderr",
        r"^packtrain: the secret ",
        "the run could not be given its secret: {line}",
        "retry: a further attempt gets its secrets anew",
    ),
    Row(
        "checkpoint",
        "stderr",
        r"^packtrain: the job cannot go on from ",
        "the checkpoint that it was to go on from is of no use: {line}",
        "retry with another of its checkpoints (`resume_from`), or without",
    ),
    Row(
        "container",
        "stderr",
        r"^packtrain: the training image",
        "the image could not be started: {line}",
        IMAGE,
    ),
)
