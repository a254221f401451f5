"""A cluster looked at from here to there: settings, key, network, login, and then every question."""

import io
import shlex
import socket
import stat
from collections.abc import Callable, Iterator

from ops.doctor.check import Check, Question, framed, unframed
from ops.doctor.questions import FOLDER, questions
from tuning.errors import (
    ClusterError,
    CommandTimedOut,
    ForwardingRefused,
    HostKeyChanged,
    LoginRefused,
    PortClosed,
    RemoteFileError,
    Unreachable,
)
from tuning.settings import ClusterSettings
from tuning.ssh.transport import Transport

Dial = Callable[[str, int, float], None]


def diagnose(
    cluster: ClusterSettings, transport: Transport, boundary: str, *, dial: Dial | None = None
) -> Iterator[Check]:
    """Every check in turn; when one fails on which the rest stands, it is the last.

    `boundary` is a random word that no output holds. No state of the cluster is changed but a file written and removed.
    """
    for check in (key_check(cluster), known_hosts_check(cluster), reach_check(cluster, dial or dial_tcp)):
        yield check
        if check.result == "failed":
            return
    try:
        yield noise_check(transport)
        for question in questions(cluster):
            check = ask(transport, question, boundary)
            yield check
            if question.name == FOLDER and check.result != "failed":
                yield sftp_check(cluster, transport, boundary)
        yield tunnel_check(cluster, transport)
    except ClusterError as error:
        yield login_check(cluster, error)


def ask(transport: Transport, question: Question, boundary: str) -> Check:
    """One question's check; a question that is not answered in time has failed. Raises Unreachable."""
    command = framed(question.script, boundary)
    try:
        completed = transport.run(command, timeout_seconds=question.timeout_seconds)
    except CommandTimedOut:
        return Check(
            question.name, "failed", f"no answer within {question.timeout_seconds:.0f} s", "look at it by hand"
        )
    return question.judge(unframed(completed, boundary))


def sftp_check(cluster: ClusterSettings, transport: Transport, boundary: str) -> Check:
    """Whether files can be brought to our folder by SFTP, as data sets are; what was brought is removed."""
    name, path = "sftp", f"{cluster.root}/.doctor.{boundary}"
    try:
        transport.put(io.BytesIO(b"packtrain\n"), path, mode=0o600)
    except (RemoteFileError, Unreachable) as error:
        fix = "let sshd there offer it (`Subsystem sftp internal-sftp` in sshd_config) for this account"
        return Check(name, "failed", f"no file can be sent: {error}", fix)
    transport.run(f"rm -f -- {shlex.quote(path)}", timeout_seconds=60.0)
    return Check(name, "ok", f"a file was sent to {cluster.root}")


def tunnel_check(cluster: ClusterSettings, transport: Transport) -> Check:
    """Whether ports behind the login node can be reached, as served models are. Raises Unreachable.

    The port asked for is the login node's own: whether anybody takes connections there does not matter.
    """
    name = "tunnel"
    try:
        transport.tunnel("127.0.0.1", cluster.port).close()
    except PortClosed:
        pass
    except ForwardingRefused as error:
        return Check(name, "warning", f"no served model can be talked to: {error}", error.hint)
    return Check(name, "ok", "ports behind the login node can be reached, as served models need")


def key_check(cluster: ClusterSettings) -> Check:
    """Whether the private key can be read by us, and by nobody else."""
    name, path = "key file", cluster.key_file
    if path is None:
        return Check(name, "ok", "none: the agent's keys are offered")
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        with path.open("rb"):
            pass
    except OSError as error:
        return Check(name, "failed", f"{path}: {error.strerror}", "correct key_file in the clusters file")
    if mode & 0o077:
        fix = f"chmod 600 {path}, unless its folder is closed to others (as docker compose has it)"
        return Check(name, "warning", f"{path} is open to others (mode {mode:o})", fix)
    return Check(name, "ok", str(path))


def known_hosts_check(cluster: ClusterSettings) -> Check:
    """Whether there is anything by which the host can be recognised."""
    name, path = "known hosts", cluster.known_hosts_file
    fix = f"packtrain clusters trust {cluster.name}"
    try:
        empty = not path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        return Check(name, "failed", f"{path}: {error.strerror}", fix)
    return Check(name, "failed", f"{path} is empty", fix) if empty else Check(name, "ok", str(path))


def reach_check(cluster: ClusterSettings, dial: Dial) -> Check:
    """Whether something listens there, or on the host in between, behind which nobody can look from here."""
    first = cluster.jump or cluster
    where = f"{first.host}:{first.port}"
    try:
        dial(first.host, first.port, first.connect_timeout_seconds)
    except OSError as error:
        fix = "is the host's name right, the network or VPN up, and sshd running?"
        return Check("network", "failed", f"{where}: {error.strerror or error}", fix)
    return Check("network", "ok", f"{where} answers")


def dial_tcp(host: str, port: int, timeout_seconds: float) -> None:
    """Open a connection and close it. Raises OSError."""
    socket.create_connection((host, port), timeout=timeout_seconds).close()


def login_check(cluster: ClusterSettings, error: ClusterError) -> Check:
    """The failed check that an error of the connection stands for: host key, login, or the connection itself."""
    if isinstance(error, HostKeyChanged):
        fix = error.hint or f"ask the site; only when it was meant, put the new key into {cluster.known_hosts_file}"
        return Check("host key", "failed", str(error), fix)
    if isinstance(error, LoginRefused):
        fix = error.hint or f"put the public half of {cluster.key_file} into ~{cluster.user}/.ssh/authorized_keys there"
        return Check("login", "failed", str(error), fix)
    return Check("connection", "failed", str(error), error.hint or "try again; the login node may be overloaded")


def noise_check(transport: Transport) -> Check:
    """Whether the account's shell prints of its own accord. Raises Unreachable."""
    completed = transport.run("true", timeout_seconds=60.0)
    if completed.stdout or completed.stderr:
        count = len(completed.stdout) + len(completed.stderr)
        fix = "packtrain copes; to silence it, let the shell's start files print in interactive shells only"
        return Check("login", "warning", f"works, but prints {count} bytes on every command", fix)
    return Check("login", "ok", "works, and the shell prints nothing of its own")
