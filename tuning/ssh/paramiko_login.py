"""Logging in to a login node by paramiko: the way there, the keys, the host's key, and why it failed."""

import logging
import socket
from contextlib import closing
from typing import Any

import paramiko
from paramiko.hostkeys import InvalidHostKey
from paramiko.pkey import UnknownKeyType

from tuning.errors import ClusterError, HostKeyChanged, LoginRefused, NotListening, Unreachable
from tuning.settings import ClusterSettings
from tuning.ssh.host_keys import HostKey, Standing

_KEEPALIVE_SECONDS = 15
_NO_BANNER, _CUT_OFF = "Error reading SSH protocol banner", ("No existing session", "Negotiation failed")
"""paramiko's own words for connections that end before anybody has logged in."""
_NO_KEY = {
    "key": "it is no private key, or it has a passphrase",
    "certificate": "it is no certificate of this key",
}
# What fails in a thread of paramiko's is raised to its caller too, who says it in a sentence.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)
_SSH_PORT = 22  # known_hosts names a host without its port only there


def fetch_host_key(settings: ClusterSettings) -> HostKey:
    """The key that the login node shows now, and what the known hosts say of it. Nobody logs in there.

    Raises Unreachable, LoginRefused by a host in between, and HostKeyChanged where the known hosts cannot be read.
    """
    seconds = settings.connect_timeout_seconds
    host = settings.host if settings.port == _SSH_PORT else f"[{settings.host}]:{settings.port}"
    known = paramiko.HostKeys()
    try:
        if settings.known_hosts_file.exists():
            known.load(str(settings.known_hosts_file))
        jump, sock = _dial(settings)
        with closing(jump or sock), closing(paramiko.Transport(sock)) as transport:
            transport.start_client(timeout=seconds)
            key = transport.get_remote_server_key()
    except (paramiko.SSHException, InvalidHostKey, EOFError, OSError) as error:
        raise _why_no_login(error, settings) from error
    trusted = known.check(host, key)
    standing = Standing.TRUSTED if trusted else Standing.CHANGED if known.lookup(host) else Standing.NEW
    return HostKey(host, key.get_name(), key.get_base64(), key.fingerprint, standing)


def is_listening(settings: ClusterSettings, timeout_seconds: float) -> bool:
    """Whether somebody takes connections at the login node, or at the first host on the way to it. Nobody logs in."""
    if settings.jump is not None:
        return is_listening(settings.jump, timeout_seconds)
    try:
        socket.create_connection((settings.host, settings.port), timeout=timeout_seconds).close()
    except OSError:
        return False
    return True


class _RefuseUnknown(paramiko.MissingHostKeyPolicy):
    """paramiko's own RejectPolicy with words that help."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        raise HostKeyChanged(
            f"the host key of {hostname} ({key.get_name()} {key.fingerprint}) is not in "
            f"{self._settings.known_hosts_file}",
            hint=_trust_hint(self._settings),
        )


def _trust_hint(settings: ClusterSettings) -> str:
    return f"`packtrain clusters trust {settings.name}` shows the key, to be compared with the site's own, and adds it"


class _SecondFactorError(paramiko.SSHException):
    """The key is accepted, and not enough."""


class _KeyOnlyTransport(paramiko.Transport):
    """A transport that answers no questions: paramiko would ask them on the service's own terminal."""

    def auth_interactive_dumb(self, username: str, handler: Any = None, submethods: str = "") -> list[str]:
        raise _SecondFactorError("keyboard-interactive")


def _key_only(sock: Any, /, *, disabled_algorithms: Any = None, **_gss: bool) -> paramiko.Transport:
    return _KeyOnlyTransport(sock, disabled_algorithms=disabled_algorithms)


class LoggedIn(paramiko.SSHClient):
    """A connection that ends the one it goes through as well."""

    def __init__(self) -> None:
        super().__init__()
        self.jump: paramiko.SSHClient | None = None

    def close(self) -> None:
        super().close()
        if self.jump is not None:
            self.jump.close()


def connect(settings: ClusterSettings) -> LoggedIn:
    """A new connection. Raises Unreachable, HostKeyChanged, LoginRefused."""
    client = LoggedIn()
    client.set_missing_host_key_policy(_RefuseUnknown(settings))
    try:
        key = _load_key(settings)
        client.load_host_keys(str(settings.known_hosts_file))
        client.jump, sock = _dial(settings)
        _log_in(client, settings, key, sock)
    except (ClusterError, paramiko.SSHException, InvalidHostKey, EOFError, OSError) as error:
        client.close()
        raise _why_no_login(error, settings) from error
    return client


def _dial(settings: ClusterSettings) -> tuple[LoggedIn | None, socket.socket | paramiko.Channel]:
    """A way to the login node: straight, or a channel of a connection to the host in between, which comes along."""
    seconds = settings.connect_timeout_seconds
    if settings.jump is not None:
        client = connect(settings.jump)
        try:
            there, here = (settings.host, settings.port), ("127.0.0.1", 0)
            return client, transport_of(client).open_channel("direct-tcpip", there, here, timeout=seconds)
        except BaseException:
            client.close()
            raise
    sock = socket.create_connection((settings.host, settings.port), timeout=seconds)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # 7 ms instead of 51 for each command
    # A peer that vanished without a word: the kernel by itself would go on trying for a quarter of an hour.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(settings.command_timeout_seconds * 1000))
    return None, sock


def _log_in(
    client: paramiko.SSHClient,
    settings: ClusterSettings,
    key: paramiko.PKey | None,
    sock: socket.socket | paramiko.Channel,
) -> None:
    seconds = settings.connect_timeout_seconds
    try:
        client.connect(
            settings.host, settings.port, settings.user, pkey=key, sock=sock, timeout=seconds, banner_timeout=seconds,
            auth_timeout=seconds, channel_timeout=seconds, allow_agent=settings.key_agent, look_for_keys=False,
            transport_factory=_key_only,
        )  # fmt: skip
    except BaseException:
        sock.close()
        raise
    transport_of(client).set_keepalive(_KEEPALIVE_SECONDS)


def transport_of(client: paramiko.SSHClient) -> paramiko.Transport:
    """Transport that carries a connection's channels. Raises paramiko.SSHException when it was closed meanwhile."""
    transport = client.get_transport()
    if transport is None:
        raise paramiko.SSHException("closed meanwhile")
    return transport


def _load_key(settings: ClusterSettings) -> paramiko.PKey | None:
    if settings.key_file is None:
        return None
    path = settings.key_file
    try:
        key = paramiko.PKey.from_path(path)
        if settings.certificate_file is not None:
            path = settings.certificate_file
            key.load_certificate(str(path))
    except (OSError, ValueError, TypeError, paramiko.SSHException, UnknownKeyType) as error:
        what = "key" if path == settings.key_file else "certificate"
        reason = error.strerror if isinstance(error, OSError) else _NO_KEY[what]
        hint = "give the path of a private key without a passphrase, and of its own certificate, readable by the worker"
        raise LoginRefused(f"cannot use the {what} file {path}: {reason}", hint=hint) from error
    return key


def _why_no_login(error: Exception, settings: ClusterSettings) -> ClusterError:
    where = f"{settings.user}@{settings.host}:{settings.port}"
    if isinstance(error, ClusterError):
        return error
    if isinstance(error, paramiko.BadHostKeyException):
        return HostKeyChanged(
            f"the host key of {settings.host} is now {error.key.get_name()} {error.key.fingerprint}, "
            f"not the one in {settings.known_hosts_file}: another machine, or somebody in between",
            hint=f"ask the site; if it was meant, remove the old line, then `packtrain clusters trust {settings.name}`",
        )
    if isinstance(error, _SecondFactorError | paramiko.AuthenticationException):
        return _why_refused(error, settings, where)
    if isinstance(error, InvalidHostKey):  # its own text is a tuple
        return HostKeyChanged(
            f"{settings.known_hosts_file} holds a line that is no host key: {error.line.strip()[:80]!r}",
            hint="correct or remove that line",
        )
    if isinstance(error, FileNotFoundError | PermissionError):
        return HostKeyChanged(
            f"cannot read {settings.known_hosts_file}: {error.strerror}; without it no host is trusted",
            hint=_trust_hint(settings),
        )
    return _no_connection(error, where)


def _no_connection(error: Exception, where: str) -> Unreachable:
    if (said := _before_ssh(error)) is not None:
        hint = "is that the port of its sshd? MaxStartups, fail2ban or a firewall there may also turn us away"
        return Unreachable(f"cannot connect to {where}: the host takes the connection and {said}", hint=hint)
    make = NotListening if isinstance(error, OSError) else Unreachable
    return make(f"cannot connect to {where}: {error or type(error).__name__}")


def _why_refused(error: paramiko.SSHException, settings: ClusterSettings, where: str) -> LoginRefused:
    if isinstance(error, _SecondFactorError):
        return LoginRefused(
            f"{where} accepts {_keys(settings)}, and asks for a second factor, which no service can answer",
            hint="ask the site to let this account in by its key alone (sshd's AuthenticationMethods publickey), "
            "at least from this machine's address",
        )
    if isinstance(error, paramiko.BadAuthenticationType) and "publickey" not in error.allowed_types:
        others = " or ".join(sorted(filter(None, error.allowed_types)))[:100]
        return LoginRefused(
            f"{where} takes no keys{f', but {others}' if others else ''}",
            hint="ask the site to let this account in by its key (sshd's PubkeyAuthentication)",
        )
    return LoginRefused(
        f"{where} does not accept {_keys(settings)}",
        hint=f"add its public half to ~{settings.user}/.ssh/authorized_keys on the cluster",
    )


def _before_ssh(error: Exception) -> str | None:
    """Words for a host that took the connection and spoke no SSH, or not to its end; None for another error."""
    if isinstance(error, paramiko.SSHException) and str(error).startswith(_NO_BANNER):
        return "says nothing" if isinstance(error.__context__, TimeoutError) else "closes it, or is no SSH server"
    is_cut_off = isinstance(error, paramiko.SSHException) and str(error).startswith(_CUT_OFF)
    return "closes it before the login" if is_cut_off or isinstance(error, EOFError | ConnectionResetError) else None


def _keys(settings: ClusterSettings) -> str:
    named = [f"the key {settings.key_file}"] if settings.key_file is not None else []
    return " or ".join([*named, *(["any key of the agent"] if settings.key_agent else [])])
