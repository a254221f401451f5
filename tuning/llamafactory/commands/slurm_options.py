"""Options of sbatch and srun, as lines `#SBATCH` and command lines have them, as resources. Pure."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_LONG = {
    "A": "account", "a": "array", "c": "cpus-per-task", "C": "constraint", "D": "chdir", "d": "dependency",
    "e": "error", "G": "gpus", "J": "job-name", "L": "licenses", "M": "clusters", "N": "nodes", "n": "ntasks",
    "o": "output", "p": "partition", "q": "qos", "S": "core-spec", "t": "time", "w": "nodelist", "x": "exclude",
    "i": "input", "B": "extra-node-info", "F": "nodefile", "m": "distribution", "b": "begin",
}  # fmt: skip
"""Short options that take a value."""
_SWITCHES = frozenset(
    ("requeue", "no-requeue", "hold", "oversubscribe", "overcommit", "contiguous", "spread-job", "use-min-nodes",
     "reboot", "parsable", "quiet", "verbose", "wait", "test-only", "exclusive", "immediate", "unbuffered", "label",
     "pty", "exact", "overlap", "no-kill", "disable-status", "preserve-env", "get-user-env", "nice", "propagate")
)  # fmt: skip
"""Options that may stand without a value; where they have one, it follows `=`."""
_SIMPLE = {
    "partition": "partition", "time": "time_limit", "account": "account", "qos": "qos", "constraint": "constraint",
    "exclude": "exclude", "reservation": "reservation", "nodelist": "nodelist", "licenses": "licenses",
}  # fmt: skip
"""Options whose value is a resource as it stands."""
_NUMBERS = frozenset({"ntasks", "ntasks-per-node", "cpus-per-task", "cpus-per-gpu"})
_AMOUNTS = frozenset({"mem", "mem-per-cpu", "mem-per-gpu"})
_GPUS = frozenset({"gres", "gpus", "gpus-per-node", "gpus-per-task"})
_NOT_TAKEN = {
    "output": "packtrain keeps the logs: `packtrain logs JOB`",
    "error": "packtrain keeps the logs: `packtrain logs JOB`",
    "chdir": "a job has a folder of its own",
    "export": "a run sees no environment but its own; keys go in as secrets (--secret)",
    "mail-type": "follow the job with `packtrain watch`, or the events of GET /events/stream",
    "mail-user": "follow the job with `packtrain watch`, or the events of GET /events/stream",
    "signal": "packtrain has the run save a checkpoint before its time limit",
    "requeue": "packtrain submits a job again after preemption and a failed node",
    "no-requeue": "give max_attempts 1 in `continuation` (--attempts 1) to have only one attempt",
    "dependency": "name jobs of packtrain in depends_on (--after JOB)",
    "hold": "give held (--hold)",
    "nice": "give priority (--priority)",
    "clusters": "give resources.cluster (--cluster)",
}
_REFUSED = {"array": "an array is several jobs: submit each of them, with its own values"}
_KNOWN = {*_LONG.values(), *_SWITCHES, *_SIMPLE, *_NUMBERS, *_AMOUNTS, *_GPUS, *_NOT_TAKEN, *_REFUSED}
_GRES = re.compile(r"(?:gres[/:])?gpu(?::(?P<type>[A-Za-z_][\w.-]*))?(?:[:=](?P<count>[0-9]{1,5}))?(?:\(S:[0-9,-]+\))?")
_GPU_COUNT = re.compile(r"(?:(?P<type>[A-Za-z_][\w.-]*)[:=])?(?P<count>[0-9]{1,5})")
_NODES = re.compile(r"(?P<least>[0-9]{1,6})(?:-[0-9]{1,6})?")
_NUMBER = re.compile(r"[0-9]{1,6}")
_MEMORY = re.compile(r"(?P<amount>[0-9]{1,9})(?P<unit>[KMGT]?)B?", re.IGNORECASE)
_DIRECTIVE = re.compile(r"#SBATCH(?=\s|$)(?P<options>.*)")
_ANOTHER_SCHEDULER = re.compile(r"#(?:PBS|BSUB|PJM|\$)\s+-")
_KIB = {"K": 1, "M": 1024, "G": 1024**2, "T": 1024**3}


@dataclass(frozen=True)
class SlurmOption:
    """One option, by its long name."""

    line: int
    name: str
    value: str | None


@dataclass(frozen=True)
class Remark:
    """Remark on a line of the text."""

    line: int
    message: str
    hint: str | None = None
    is_error: bool = False


@dataclass(frozen=True)
class Asked:
    """A value that was asked for, and where."""

    line: int
    value: str | int


@dataclass
class SlurmRequest:
    """Resources that options ask for, and what is said about the options that ask for none."""

    resources: dict[str, Asked] = field(default_factory=dict)
    """By the names that packtrain's requests have for them."""
    job_name: str | None = None
    remarks: list[Remark] = field(default_factory=list)


def read_directives(text: str) -> Iterator[SlurmOption | Remark]:
    """The options of the lines `#SBATCH`, as sbatch reads them: up to the first line that is a command."""
    is_over = False
    for line, content in enumerate(text.splitlines(), 1):
        found = _DIRECTIVE.match(content)
        if _ANOTHER_SCHEDULER.match(content):
            yield Remark(line, "a line of another scheduler than Slurm is not taken over", "write it as #SBATCH")
        elif found is None:
            is_over = is_over or not (content.strip() == "" or content.lstrip().startswith("#"))
        elif is_over:
            hint = "put it above the first command"
            yield Remark(line, "sbatch reads no #SBATCH line behind the first command: it is not taken over", hint)
        else:
            yield from _options_of_line(line, found["options"])


def read_options(words: Sequence[str], line: int) -> Iterator[SlurmOption | Remark]:
    """Options among the words of a command line."""
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            name = _whole_name(name)
            takes_next = not equals and name not in _SWITCHES and bool(waiting)
            yield SlurmOption(line, name, value if equals else waiting.pop() if takes_next else None)
        elif word.startswith("-") and word[1:2] in _LONG:
            value = word[2:].removeprefix("=") or (waiting.pop() if waiting else "")
            yield SlurmOption(line, _LONG[word[1]], value)
        else:
            yield Remark(line, f"`{word[:40]}` is no option of sbatch that packtrain knows: it is not taken over")


def _whole_name(name: str) -> str:
    """sbatch takes the beginning of a long option for it, where no other begins so."""
    if name in _KNOWN or len(name) < 2:
        return name
    begun = [known for known in _KNOWN if known.startswith(name)]
    return begun[0] if len(begun) == 1 else name


def as_request(options: Iterator[SlurmOption | Remark]) -> SlurmRequest:
    """Request that the options make together; of an option that is given twice the last counts, as with sbatch."""
    request = SlurmRequest()
    last: dict[str, SlurmOption] = {}
    for option in options:
        if isinstance(option, Remark):
            request.remarks.append(option)
        else:
            last[option.name] = option
    for option in last.values():
        _take(option, request)
    counts = {name: _count(option, request) for name, option in last.items() if name in _NUMBERS}
    gpus = [_GpuOption(option, *found) for option in last.values() if option.name in _GPUS
            for found in _gpus_of(option, request)]  # fmt: skip
    _settle_gpus(gpus, counts, request)
    _settle_cpus(last, counts, request)
    _settle_memory(last, counts, request)
    return request


@dataclass(frozen=True)
class _GpuOption:
    option: SlurmOption
    gpu_type: str | None
    count: int


def _options_of_line(line: int, text: str) -> Iterator[SlurmOption | Remark]:
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        yield Remark(line, "a quotation mark is opened and never closed", "close it", is_error=True)
        return
    yield from read_options(words, line)


def _take(option: SlurmOption, request: SlurmRequest) -> None:
    """An option that means something by itself."""
    name, value = option.name, option.value
    if name == "job-name":
        request.job_name = value or None
    elif name == "nodes":
        _take_nodes(option, request)
    elif name in _SIMPLE and value:
        request.resources[_SIMPLE[name]] = Asked(option.line, value)
    elif name in _REFUSED:
        request.remarks.append(Remark(option.line, f"--{name} cannot be taken over", _REFUSED[name], is_error=True))
    elif name not in _GPUS | _NUMBERS | _AMOUNTS:
        message = f"--{name[:40]} is not taken over"
        request.remarks.append(Remark(option.line, message, _NOT_TAKEN.get(name, "it can be left out")))


def _take_nodes(option: SlurmOption, request: SlurmRequest) -> None:
    found = _NODES.fullmatch(option.value or "")
    if found is None:
        request.remarks.append(_no_number(option))
        return
    request.resources["nodes"] = Asked(option.line, int(found["least"]))
    if found["least"] != option.value:
        message = f"--nodes={option.value}: the job is given {found['least']}"
        request.remarks.append(Remark(option.line, message, "a training runs on a number of nodes that is fixed"))


def _count(option: SlurmOption, request: SlurmRequest) -> int | None:
    if _NUMBER.fullmatch(option.value or ""):
        return int(option.value or "")
    request.remarks.append(_no_number(option))
    return None


def _gpus_of(option: SlurmOption, request: SlurmRequest) -> Iterator[tuple[str | None, int]]:
    """GPUs in `--gres` and its like; other generic resources are told."""
    form = _GRES if option.name == "gres" else _GPU_COUNT
    for part in (option.value or "").split(","):
        if found := form.fullmatch(part.strip()):
            yield found["type"], int(found["count"] or 1)
        elif option.name == "gres" and part.strip() not in ("", "none"):
            message = f"--gres={part[:40]} is not taken over"
            request.remarks.append(Remark(option.line, message, "packtrain asks for GPUs only"))
        elif option.name != "gres":
            request.remarks.append(_no_number(option))


def _settle_gpus(asked: Sequence[_GpuOption], counts: Mapping[str, int | None], request: SlurmRequest) -> None:
    nodes = _asked_number(request, "nodes") or 1
    tasks = counts.get("ntasks-per-node") or -(-(counts.get("ntasks") or nodes) // nodes)
    per_node: Mapping[str, Callable[[int], int]] = {
        "gpus": lambda count: -(-count // nodes),
        "gpus-per-task": lambda count: count * tasks,
    }
    for gpus in asked:
        count = per_node.get(gpus.option.name, int)(gpus.count)
        request.resources["gpus_per_node"] = Asked(gpus.option.line, count)
        if gpus.gpu_type is not None:
            request.resources["gpu_type"] = Asked(gpus.option.line, gpus.gpu_type)


def _settle_cpus(options: Mapping[str, SlurmOption], counts: Mapping[str, int | None], request: SlurmRequest) -> None:
    """packtrain counts CPUs for each GPU."""
    if (per_gpu := counts.get("cpus-per-gpu")) is not None:
        request.resources["cpus_per_gpu"] = Asked(options["cpus-per-gpu"].line, per_gpu)
    elif (on_node := _cpus_on_node(counts, request)) is not None:
        gpus, line = _asked_number(request, "gpus_per_node"), options["cpus-per-task"].line
        if gpus:
            request.resources["cpus_per_gpu"] = Asked(line, max(1, on_node // gpus))
        else:
            message = "--cpus-per-task is not taken over: packtrain counts CPUs for each GPU, and no GPUs are asked for"
            request.remarks.append(Remark(line, message, "give resources.cpus_per_gpu (--cpus-per-gpu)"))


def _cpus_on_node(counts: Mapping[str, int | None], request: SlurmRequest) -> int | None:
    per_task = counts.get("cpus-per-task")
    if per_task is None:
        return None
    nodes = _asked_number(request, "nodes") or 1
    return per_task * (counts.get("ntasks-per-node") or max(1, (counts.get("ntasks") or 1) // nodes))


def _settle_memory(options: Mapping[str, SlurmOption], counts: Mapping[str, int | None], request: SlurmRequest) -> None:
    """packtrain asks for memory of a node."""
    gpus = _asked_number(request, "gpus_per_node")
    on_node = _cpus_on_node(counts, request) or (counts.get("cpus-per-gpu") or 0) * (gpus or 0)
    for name, times in (("mem", 1), ("mem-per-gpu", gpus), ("mem-per-cpu", on_node)):
        option = options.get(name)
        found = _MEMORY.fullmatch(option.value or "") if option is not None else None
        if option is None:
            continue
        if found is None:
            request.remarks.append(_no_number(option, "such as 64G"))
        elif found["amount"] == "0" or not times:
            message = f"--{name}={option.value} is not taken over"
            request.remarks.append(Remark(option.line, message, "give resources.memory (--memory 64G), of a node"))
        else:
            request.resources["memory"] = Asked(option.line, _times(found, times))


def _times(memory: re.Match[str], times: int) -> str:
    """In the unit that was written, or a smaller number of a larger one where it would be too long."""
    amount, unit = int(memory["amount"]) * times, memory["unit"].upper() or "M"
    if len(str(amount)) > 9:
        amount, unit = amount * _KIB[unit] // _KIB["T"], "T"
    return f"{amount}{unit}"


def _asked_number(request: SlurmRequest, name: str) -> int | None:
    asked = request.resources.get(name)
    return asked.value if asked is not None and isinstance(asked.value, int) else None


def _no_number(option: SlurmOption, form: str = "a whole number") -> Remark:
    value = (option.value or "")[:40]
    return Remark(option.line, f"--{option.name[:40]}={value} cannot be read", f"give {form}", is_error=True)
