"""The transport over paramiko: one kept connection to a login node. The only module that knows paramiko."""

import secrets
import shlex
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from threading import BoundedSemaphore, Event, Lock, Timer
from typing import BinaryIO, cast

import paramiko
from paramiko.hostkeys import InvalidHostKey
from paramiko.pkey import UnknownKeyType

from tuning.errors import (
    ClusterError,
    CommandTimedOut,
    HostKeyChanged,
    LoginRefused,
    RemoteDiskFull,
    RemoteFileError,
    Unreachable,
)
from tuning.settings import ClusterSettings
from tuning.ssh.exchange import exchange
from tuning.ssh.host_keys import HostKey, Standing
from tuning.ssh.past_banner import PastBanner
from tuning.ssh.sftp_files import read_range, upload
from tuning.ssh.traffic import Traffic
from tuning.ssh.transport import Completed

MAX_CHANNELS = 8  # sshd's MaxSessions is 10
_ENVIRONMENT = "export LC_ALL=C TZ=UTC; "  # sshd refuses an environment that comes by the protocol
_KEEPALIVE_SECONDS = 15
_NO_KEY = {
    "key": "it is no private key, or it has a passphrase",
    "certificate": "it is no certificate of this key",
}
_SSH_PORT = 22  # known_hosts names a host without its port only there


class ParamikoTransport:
    """`tuning.ssh.transport.Transport` to the cluster of these settings. Safe for many threads.

    Nothing is connected before the first call. One connection is kept; a call on which it breaks raises Unreachable
    and repeats nothing, the next call opens another. At most `MAX_CHANNELS` things happen on it at once, others wait.
    Every call may also raise HostKeyChanged and LoginRefused: connecting is part of it.
    """

    def __init__(self, settings: ClusterSettings, traffic: Traffic | None = None) -> None:
        self.traffic = traffic or Traffic()
        self._settings = settings
        self._connecting = Lock()
        self._client: paramiko.SSHClient | None = None
        self._slots = BoundedSemaphore(MAX_CHANNELS)

    def run(self, command: str, *, stdin: bytes = b"", timeout_seconds: float | None = None) -> Completed:
        """See Transport.run. The time limit counts from the moment at which a channel is there."""
        seconds = timeout_seconds or self._settings.command_timeout_seconds
        with self._channel(seconds) as channel:
            self.traffic.begin_command()
            deadline = time.monotonic() + seconds
            try:
                with _closing_after(channel, seconds):
                    channel.exec_command(_ENVIRONMENT + command)
                completed = exchange(channel, stdin, deadline)
            except TimeoutError as error:
                raise CommandTimedOut(f"a command on {self._where} did not end within {seconds:g} s") from error
            if completed.exit_status == -1 and channel.closed and not _is_alive(channel):
                raise Unreachable(f"the connection to {self._where} broke while a command ran")
            return completed

    def put(self, content: BinaryIO, path: str, *, mode: int = 0o644) -> None:
        """See Transport.put."""
        temporary = f"{path}.{secrets.token_hex(6)}.part"
        try:
            with self._sftp() as sftp:
                upload(sftp, content, temporary, mode)
                sftp.posix_rename(temporary, path)
        except RemoteFileError as error:
            raise self._cannot_write(path, temporary, error) from error

    def get(self, path: str) -> Iterator[bytes]:
        """See Transport.get. As it is a generator, it raises at its first chunk."""
        yield from self._stream(path, 0, None)

    def read_from(self, path: str, offset: int, length: int) -> Iterator[bytes]:
        """See Transport.read_from. As it is a generator, it raises at its first chunk."""
        yield from self._stream(path, offset, length)

    def close(self) -> None:
        """See Transport.close."""
        with self._connecting:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    @property
    def _where(self) -> str:
        return f"{self._settings.user}@{self._settings.host}:{self._settings.port}"

    @contextmanager
    def _channel(self, seconds: float) -> Iterator[paramiko.Channel]:
        """A fresh channel; whatever breaks on it is told in our words."""
        if not self._slots.acquire(timeout=seconds):
            raise Unreachable(f"all {MAX_CHANNELS} channels to {self._where} stayed busy for {seconds:g} s")
        try:
            with self._broken_is_unreachable(), self._open_channel() as channel:
                yield channel
        finally:
            self._slots.release()

    def _open_channel(self) -> paramiko.Channel:
        client = self._connected()
        try:
            return _transport_of(client).open_session(timeout=self._settings.connect_timeout_seconds)
        except paramiko.ChannelException as error:  # the connection itself is good
            raise Unreachable(
                f"{self._where} refuses another channel: {error.text}",
                hint=f"sshd's MaxSessions there should allow {MAX_CHANNELS} (10 is its default)",
            ) from error
        except (paramiko.SSHException, EOFError, OSError):
            self._drop(client)
            raise

    @contextmanager
    def _broken_is_unreachable(self) -> Iterator[None]:
        try:
            yield
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise Unreachable(f"the connection to {self._where} broke: {error or type(error).__name__}") from error

    def _connected(self) -> paramiko.SSHClient:
        with self._connecting:  # one at a time: sshd's MaxStartups drops those that come in a crowd
            if self._client is None or not _transport_of(self._client).is_active():
                if self._client is not None:
                    self._client.close()
                self._client = None
                self.traffic.begin_connection()
                self._client = _connect(self._settings)
            return self._client

    def _drop(self, client: paramiko.SSHClient) -> None:
        with self._connecting:
            if self._client is client:
                self._client = None
        client.close()

    @contextmanager
    def _sftp(self) -> Iterator[paramiko.SFTPClient]:
        """An SFTP session of its own; what the remote file system refuses becomes RemoteFileError."""
        seconds = self._settings.command_timeout_seconds
        with self._channel(seconds) as channel:
            self.traffic.begin_transfer()
            with _closing_after(channel, seconds):
                channel.invoke_subsystem("sftp")
                sftp = paramiko.SFTPClient(cast(paramiko.Channel, PastBanner(channel)))
            channel.settimeout(seconds)
            try:
                yield sftp
            except TimeoutError as error:
                raise Unreachable(f"a transfer with {self._where} stood still for {seconds:g} s") from error
            except (OSError, EOFError) as error:
                if not _is_alive(channel):
                    raise
                raise RemoteFileError(f"the file server of {self._where} says: {error}") from error

    def _stream(self, path: str, offset: int, length: int | None) -> Iterator[bytes]:
        try:
            with self._sftp() as sftp, sftp.open(path, "rb") as file:
                size = file.stat().st_size or 0
                yield from read_range(file, offset, size if length is None else min(size, offset + length))
        except RemoteFileError as error:
            raise RemoteFileError(f"cannot read {path}: {error}") from error

    def _cannot_write(self, path: str, temporary: str, error: RemoteFileError) -> RemoteFileError:
        """What kept a file from being written. OpenSSH's SFTP says just "Failure", so the shell is asked.

        One more block behind what was uploaded meets the same full disk or quota, and the shell's words name it.
        The unfinished file is removed.
        """
        place = shlex.quote(temporary)
        said = self.run(
            f"dd if=/dev/zero of={place} bs=65536 count=16 oflag=append conv=notrunc; rm -f -- {place}"
        ).stderr
        full = next((text for text in (b"No space left on device", b"Disk quota exceeded") if text in said), None)
        if full is None:
            return RemoteFileError(f"cannot write {path}: {error}")
        hint = "free some space there, or ask for a larger quota"
        return RemoteDiskFull(f"cannot write {path}: {full.decode()}", hint=hint)


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


class _Client(paramiko.SSHClient):
    """A connection that ends the one it goes through as well."""

    def __init__(self) -> None:
        super().__init__()
        self.jump: paramiko.SSHClient | None = None

    def close(self) -> None:
        super().close()
        if self.jump is not None:
            self.jump.close()


def _connect(settings: ClusterSettings) -> _Client:
    client = _Client()
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


def _dial(settings: ClusterSettings) -> tuple[_Client | None, socket.socket | paramiko.Channel]:
    """A way to the login node: straight, or a channel of a connection to the host in between, which comes along."""
    seconds = settings.connect_timeout_seconds
    if settings.jump is not None:
        client = _connect(settings.jump)
        try:
            there, here = (settings.host, settings.port), ("127.0.0.1", 0)
            return client, _transport_of(client).open_channel("direct-tcpip", there, here, timeout=seconds)
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
        )  # fmt: skip
    except BaseException:
        sock.close()
        raise
    _transport_of(client).set_keepalive(_KEEPALIVE_SECONDS)


def _transport_of(client: paramiko.SSHClient) -> paramiko.Transport:
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
    if isinstance(error, paramiko.AuthenticationException):
        return LoginRefused(
            f"{where} does not accept {_keys(settings)}",
            hint=f"add its public half to ~{settings.user}/.ssh/authorized_keys on the cluster",
        )
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
    return Unreachable(f"cannot connect to {where}: {error or type(error).__name__}")


def _keys(settings: ClusterSettings) -> str:
    named = [f"the key {settings.key_file}"] if settings.key_file is not None else []
    return " or ".join([*named, *(["any key of the agent"] if settings.key_agent else [])])


@contextmanager
def _closing_after(channel: paramiko.Channel, seconds: float) -> Iterator[None]:
    """Close the channel when what is inside takes too long: paramiko waits there without any limit."""
    late = Event()

    def close() -> None:
        late.set()
        with suppress(EOFError, OSError, paramiko.SSHException):  # the connection may be gone by itself just now
            channel.close()

    timer = Timer(seconds, close)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (paramiko.SSHException, EOFError, OSError) as error:
        if late.is_set() and _is_alive(channel):
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()


def _is_alive(channel: paramiko.Channel) -> bool:
    return channel.get_transport().is_active()
