"""The server's words for those who type commands: options in place of fields, commands in place of requests. Pure."""

import re
from collections.abc import Sequence

from packtrain.errors import ApiError, Finding, InvalidInput, PacktrainError

_OPTIONS = {
    "resources.cluster": "--cluster",
    "resources.partition": "--partition",
    "resources.nodes": "--nodes",
    "resources.gpus_per_node": "--gpus",
    "resources.gpu_type": "--gpu-type",
    "resources.cpus_per_gpu": "--cpus-per-gpu",
    "resources.memory": "--memory",
    "resources.time_limit": "--time",
    "resources.account": "--account",
    "resources.qos": "--qos",
    "resources.constraint": "--constraint",
    "resources.exclude": "--exclude",
    "resources.options": "--sbatch",
    "source_job": "--from",
    "checkpoint": "--checkpoint",
    "keep_checkpoints": "--keep-checkpoints",
    "continuation": "--attempts",
    "depends_on": "--after",
    "datasets": "--data",
    "resume_from": "--from-checkpoint",
    "resume_from.checkpoint": "--from-checkpoint",
    "resume_from.job": "--from-checkpoint",
    "secrets": "--secret",
    "environment": "--env",
    "tags": "--tag",
    "tag": "--tag",
    "kind": "--kind",
    "name": "--name",
    "priority": "--priority",
    "recipe": "--recipe",
    "owner": "--owner",
    "cluster": "--cluster",
    "status": "--status",
    "q": "--search",
    "with_dependents": "--with-dependents",
}
_ID = r"([\w{}.-]+)"
_COMMANDS = (
    (rf"POST (?:/api/v1)?/jobs/{_ID}/(retry|clone|cancel|hold|release)", r"`packtrain \2 \1`"),
    (r"POST (?:/api/v1)?/jobs/validate", "`packtrain check`"),
    (rf"GET (?:/api/v1)?/jobs/{_ID}", r"`packtrain show \1`"),
    (r"GET (?:/api/v1)?/jobs", "`packtrain list`"),
    (r"POST (?:/api/v1)?/datasets", "`packtrain datasets upload`"),
    (rf"GET (?:/api/v1)?/datasets/{_ID}/preview", r"`packtrain datasets preview \1`"),
    (rf"GET (?:/api/v1)?/datasets/{_ID}(?:/report)?", r"`packtrain datasets show \1`"),
    (r"GET (?:/api/v1)?/datasets", "`packtrain datasets list`"),
    (rf"GET (?:/api/v1)?/clusters/{_ID}", r"`packtrain clusters show \1`"),
    (r"GET (?:/api/v1)?/clusters", "`packtrain clusters list`"),
    (rf"PUT (?:/api/v1)?/secrets/{_ID}", r"`packtrain secrets set \1`"),
    (r"GET (?:/api/v1)?/secrets", "`packtrain secrets list`"),
    (r"GET (?:/api/v1)?/recipes", "`packtrain recipes list`"),
    (r"GET (?:/api/v1)?/me\b", "`packtrain whoami`"),
    (r"GET (?:/api/v1)?/tokens", "`packtrain token list`"),
    (rf"DELETE (?:/api/v1)?/tokens/{_ID}", r"`packtrain token revoke \1`"),
)
_REQUESTS = tuple((re.compile(pattern), command) for pattern, command in _COMMANDS)
_MOST_ALIKE = 3
_LINE = re.compile(r"line [0-9]+\b")
_TWICE = re.compile(r"(`packtrain [^`]*`), or \1")
_FIELD = re.compile(r"\bresources\.([a-z_]+)")
_ARGUMENT = re.compile(r"\bconfig\.([a-z_]+)")


def complaint_lines(error: PacktrainError) -> list[str]:
    """An error in a line or two: what is wrong, where, and what to do."""
    if isinstance(error, InvalidInput):
        return [line for group in _alike(error.findings) for line in _group_lines(group, "error: ")]
    if isinstance(error, ApiError) and error.problem.findings:
        refusal = f"error: the server refuses this (HTTP {error.status})"
        return [refusal, *(f"  {line}" for group in _alike(error.problem.findings) for line in _group_lines(group))]
    return [f"error: {words(str(error))}", *([f"  -> {words(error.hint)}"] if error.hint else [])]


def finding_lines(finding: Finding) -> list[str]:
    """A finding as text: `place: message`, and its hint on a line of its own."""
    message = words(finding.message)
    # line and column are told in words already
    where = place(tuple(part for part in finding.loc if isinstance(part, str)) if _LINE.match(message) else finding.loc)
    head = f"{where}: {message}" if where and not message.startswith((f"{where} ", f"{where}: ")) else message
    return [head, *([f"  -> {words(finding.hint)}"] if finding.hint else [])]


def place(loc: tuple[str | int, ...]) -> str:
    """Place of a finding: the option that says it, or the argument of the configuration."""
    parts = [str(part) for part in (loc[1:] if loc[:1] in (("body",), ("query",), ("path",)) else loc)]
    if not parts:
        return ""
    if parts[0] in ("config", "config_yaml"):
        return ".".join(parts[1:]) or "the configuration"
    for length in (2, 1):
        option = _OPTIONS.get(".".join(parts[:length]))
        if option is not None:
            names = [part for part in parts[length:] if not part.isdecimal() and part != "[key]"]
            return " ".join([option, *names])
    return ".".join(parts)


def words(text: str) -> str:
    """A sentence with commands in place of requests."""
    for request, command in _REQUESTS:
        text = request.sub(command, text)
    text = _FIELD.sub(lambda match: _OPTIONS.get(match[0], match[0]), text)
    return _TWICE.sub(r"\1", _ARGUMENT.sub(r"\1", text))


def _alike(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of one kind together: with one hint, at places that only numbers tell apart."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for place_in_all, finding in enumerate(findings):
        names = tuple(part for part in finding.loc if isinstance(part, str))
        # without a hint nothing says that they are of one kind
        key = (names, finding.hint) if finding.hint and len(names) < len(finding.loc) else (place_in_all,)
        groups.setdefault(key, []).append(finding)
    return list(groups.values())


def _group_lines(group: Sequence[Finding], mark: str = "") -> list[str]:
    """The first of a group, and how many more there are: a file of bytes is wrong in each of its lines."""
    told = [finding_lines(finding) for finding in group[:_MOST_ALIKE]]
    lines = [line for head, *hint in told for line in (f"{mark}{head}", *hint)]
    more = len(group) - _MOST_ALIKE
    return [*lines, f"and {more} more of the same kind"] if more > 0 else lines
