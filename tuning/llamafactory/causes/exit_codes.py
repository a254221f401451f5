"""Causes by exit code, where nothing says more; and the one for a run that says nothing."""

from tuning.llamafactory.causes.row import ABORTING, IMAGE, LOOK, MAYBE_MEMORY, SHARED, TAMER, Row

BY_EXIT_CODE = (
    Row("not_executable", "exit_code", "126", "a program of the job could not be executed (exit code 126)", IMAGE),
    Row(
        "not_found",
        "exit_code",
        "127",
        "a program of the job was not found (exit code 127)",
        "is Apptainer installed on the node?",
        also=r": not found$|No such file or directory$",
    ),
    Row("aborted", "exit_code", "134", "the training process aborted (exit code 134)", LOOK, also=ABORTING),
    Row("crashed", "exit_code", "132", "the training process crashed (exit code 132)", LOOK),
    Row("out_of_memory", "exit_code", "135", "the host's shared memory ran out (exit code 135, a bus error)", SHARED),
    Row("crashed", "exit_code", "136", "the training process crashed (exit code 136)", LOOK),
    Row("killed", "exit_code", "137", "the training process was killed (exit code 137)", MAYBE_MEMORY),
    Row("crashed", "exit_code", "139", "the training process crashed (exit code 139)", LOOK),
    *(
        Row(
            "terminated",
            "exit_code",
            code,
            f"the training process was told to stop (exit code {code})",
            "retry, unless somebody meant it",
        )
        for code in ("129", "130", "143")
    ),
)

WHATEVER_ELSE = (
    Row(
        "diverged",
        "log",
        r"'(loss|grad_norm|eval_loss)': '?(nan|inf)",
        "the loss is no longer a number: {line}",
        TAMER,
    ),
    Row(
        "unknown",
        "exit_code",
        "None",
        "the job ended without leaving an exit record, and Slurm does not say why",
        LOOK,
    ),
    Row("training_error", "last", r"", "{line}", LOOK),
)

# What the shell, our launcher and srun say of a process that died by a signal. Behind all that fits without them: they
# only show it, since srun, when one task of several fails, kills the others.
SHOWN_BY_THE_SHELL = tuple(
    Row(
        code,
        "stderr",
        rf"(/job\.sh|/slurm_script|^bash): line \d+: .*\b{word}\b|^packtrain: the program was ended .*\({word}\)$"
        rf"|^srun: error: .*: ({word}|Exited with exit code {number})$",
        message,
        LOOK,
        also=ABORTING if code == "aborted" else None,
    )
    for code, number, word, message in (
        ("killed", 137, "Killed", "the training process was killed"),
        ("crashed", 132, "Illegal instruction", "the training process crashed"),
        ("crashed", 136, "Floating point exception", "the training process crashed"),
        ("crashed", 139, "Segmentation fault", "the training process crashed"),
        ("aborted", 134, "Aborted", "the training process aborted"),
        ("terminated", 129, "Hangup", "the training process was told to stop"),
        ("terminated", 130, "Interrupt", "the training process was told to stop"),
        ("terminated", 143, "Terminated", "the training process was told to stop"),
        ("not_found", 127, "command not found", "a program of the job was not found"),
    )
)

OTHERWISE = Row("training_error", "exit_code", "", "the run ended with exit code {exit_code} and said nothing", LOOK)
"""Of a run that no row fits."""
