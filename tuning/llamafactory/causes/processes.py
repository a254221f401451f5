"""Causes that torchrun and other processes tell of: how one ended, or that they lost each other."""

from tuning.llamafactory.causes.row import ABORTING, LOOK, MAYBE_MEMORY, MORE_MEMORY, Row

_NODES = "retry; if it happens again, exclude the nodes that it ran on and tell the site"
_ECHO_OF_A_PEER = (
    r"NCCL|nccl|HCCL|Dist(Store|Network|Backend)?Error|Rendezvous"
    r"|[Cc]onnection ?([Cc]losed|[Rr]eset|[Rr]efused|[Aa]bort)"
    r"|Broken ?[Pp]ipe|[Tt]imed? ?out\b|TCPStore|gloo|[Ss]ocket|EADDRINUSE|Address already in use|waiting for clients"
    r"|torch/distributed/|^KeyboardInterrupt|connectFullMesh|Pin memory thread|No route to host"
)

# Often only the echo of another process's end: behind everything that says more.
BETWEEN_PROCESSES = (
    Row(
        "killed",
        "stderr",
        r"Signal 9 \(SIGKILL\)|(exitcode *:|return code =) -9\b|Signals\.SIGKILL|with signal SIGKILL",
        "a training process was killed: {line}",
        MAYBE_MEMORY,
    ),
    Row(
        "crashed",
        "stderr",
        r"Signal (11 \(SIGSEGV\)|4 \(SIGILL\)|8 \(SIGFPE\))|(exitcode *:|return code =) -(11|4|8)\b"
        r"|(Signals\.|with signal )SIG(SEGV|ILL|FPE)"
        r"|Fatal Python error: (Segmentation fault|Illegal instruction)"
        r"|killed by signal: (Segmentation fault|Illegal instruction|Floating point exception)",
        "a training process crashed: {line}",
        LOOK,
    ),
    Row(
        "aborted",
        "stderr",
        r"killed by signal: Aborted|terminated with signal SIGABRT",
        "a process of the run aborted: {line}",
        LOOK,
    ),
    Row(
        "terminated",
        "stderr",
        r"killed by signal: (Terminated|Hangup|Interrupt)|terminated with signal SIG(TERM|HUP|INT)",
        "a process of the run was told to stop: {line}",
        "retry, unless somebody meant it",
    ),
    Row(
        "out_of_memory",
        "last",
        r"^(BrokenPipe|Connection\w*|EOF)Error\b",
        "a process that prepared data was lost; most likely the host's memory ran out (not the GPU's): {line}",
        MORE_MEMORY,
        within=r"/datasets/(arrow_dataset|utils/py_utils)",
        raised_by=r"/multiprocess(ing)?/connection",
    ),
    Row(
        "out_of_memory",
        "stderr",
        r"DataLoader worker .*exited unexpectedly(?! with)",
        "the host's memory ran out, most likely (not the GPU's): {line}",
        MORE_MEMORY,
    ),
    # What a process raised itself says more than what its peers say of it. Any traceback will do, if there is one.
    Row("training_error", "last", r"", "{line}", LOOK, within=r"Traceback", unless=_ECHO_OF_A_PEER),
    Row(
        "nccl",
        "stderr",
        r"NCCL [Ee]rror|nccl(Unhandled|System|Internal|Remote|InvalidUsage)|NCCL (communicator was aborted|timeout)"
        r"|collective operation timeout|NCCL operations have failed|Failed to recover from NCCL|^socket\w+: "
        r"|NCCL.*watchdog (got stuck|hang)|[Ww]atchdog caught|Heartbeat monitor timed out|setting up NCCL communicator",
        "the GPUs lost each other (NCCL): {line}",
        _NODES,
        also=r"NCCL WARN|Cuda failure|Call to \w+ (failed|returned|from)",
    ),
    Row(
        "aborted",
        "stderr",
        r"Signal 6 \(SIGABRT\)|(exitcode *:|return code =) -6\b|Signals\.SIGABRT"
        r"|Fatal Python error: Aborted",
        "a training process aborted: {line}",
        LOOK,
        also=ABORTING,
    ),
    Row(
        "rendezvous",
        "stderr",
        r"Rendezvous\w*(Error|Exception)|Dist(Store|Network|Backend)Error|EADDRINUSE|Address already in use"
        r"|waiting for clients|[Cc]onnection (closed|reset) by peer|connectFullMesh|Timed out waiting .*(recv|send)"
        r"|failed to (connect to|listen on) any .*network address|client socket has timed out|connect\(\) timed out"
        r"|[Tt]imed out initializing process group|No route to host",
        "the processes did not find, or lost, each other: {line}",
        _NODES,
    ),
    Row(
        "terminated",
        "stderr",
        r"got signal: (1|2|10|12|15)\b|Received (Signals\.SIG(TERM|HUP|INT)|\d+) death signal|Signal 15 \(SIGTERM\)"
        r"|(exitcode *:|return code =) -15\b|Signals\.SIGTERM|^KeyboardInterrupt",
        "a training process was told to stop: {line}",
        "retry, unless somebody meant it",
    ),
)
