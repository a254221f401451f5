"""The transport over paramiko: one kept connection to a login node. Beside paramiko_login, nothing knows paramiko."""

import secrets
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import BoundedSemaphore, Event, Lock, Timer
from typing import BinaryIO, cast

import paramiko

from tuning.errors import (
    ClusterError,
    CommandTimedOut,
    ForwardingRefused,
    NotSent,
    PortClosed,
    RemoteDiskFull,
    RemoteFileError,
    Unreachable,
)
from tuning.settings import ClusterSettings
from tuning.ssh.budget import Traffic
from tuning.ssh.command_io import Input, exchange, stdout_of
from tuning.ssh.paramiko_login import connect, transport_of
from tuning.ssh.sftp_banner import PastBanner
from tuning.ssh.sftp_files import upload
from tuning.ssh.shell_pool import WAITING_SHELL, OwnOutput, ReadyShells, as_read, own_output
from tuning.ssh.transport import Completed
from tuning.ssh.tunnel import Tunnel

READY_SHELLS = 2
MAX_AT_ONCE = 6
MAX_CHANNELS = MAX_AT_ONCE + READY_SHELLS  # sshd's MaxSessions is 10
_MAKING_ROOM_SECONDS = 0.2
_PROHIBITED, _CONNECT_FAILED = 1, 2  # reasons of RFC 4254, section 5.1
_BROKEN = (paramiko.SSHException, EOFError, OSError)


class ParamikoTransport:
    """`tuning.ssh.transport.Transport` to the cluster of these settings. Safe for many threads.

    Nothing is connected before the first call. One connection is kept; a call on which it breaks raises Unreachable
    and repeats nothing, the next call opens another. At most `MAX_AT_ONCE` things happen on it at once, others wait;
    once a command was run, `READY_SHELLS` wait there for the next ones.
    Every call may also raise HostKeyChanged and LoginRefused: connecting is part of it.
    """

    def __init__(self, settings: ClusterSettings, traffic: Traffic | None = None) -> None:
        self.traffic = traffic or Traffic()
        self._settings = settings
        self._connecting = Lock()
        self._client: paramiko.SSHClient | None = None
        self._slots = BoundedSemaphore(MAX_AT_ONCE)
        self._ready = ReadyShells(self._open_ready_shell, _is_waiting, READY_SHELLS)

    def run(self, command: str, *, stdin: bytes = b"", timeout_seconds: float | None = None) -> Completed:
        """See Transport.run. The time limit counts from the moment at which a shell is there."""
        seconds = timeout_seconds or self._settings.command_timeout_seconds
        given = Input(as_read(command) + stdin)
        with _unsent_told_apart(given), self._channel(seconds, lambda: self._take_shell(seconds)) as channel:
            self.traffic.begin_command()
            try:
                completed = exchange(channel, given, time.monotonic() + seconds)
            except TimeoutError as error:
                self._ready.drop()  # they may hang like this one
                raise self._too_late(seconds) from error
            if completed.exit_status == -1 and channel.closed and not _is_alive(channel):
                raise Unreachable(f"the connection to {self._where} broke while a command ran")
            stdout = own_output(completed.stdout)
            if stdout is None:
                said = (completed.stderr + completed.stdout).decode("utf-8", "replace").strip()[:300]
                raise self._no_shell(said or f"it ended with {completed.exit_status}")
            self._ready.refill_soon()
            return replace(completed, stdout=stdout)

    def put(self, content: BinaryIO, path: str, *, mode: int = 0o644) -> None:
        """See Transport.put."""
        temporary = f"{path}.{secrets.token_hex(6)}.part"
        try:
            with self._sftp() as sftp:
                upload(sftp, content, temporary, mode)
                sftp.posix_rename(temporary, path)
        except RemoteFileError as error:
            raise self._cannot_write(path, temporary, error) from error

    def stream(self, command: str, *, stdin: bytes = b"") -> Iterator[bytes]:
        """See Transport.stream. As it is a generator, the command begins with its first chunk."""
        seconds = self._settings.command_timeout_seconds
        with self._channel(seconds, lambda: self._take_shell(seconds)) as channel:
            self.traffic.begin_transfer()
            channel.settimeout(seconds)
            output = OwnOutput()
            try:
                yield from output.of(stdout_of(channel, as_read(command) + stdin, seconds))
            except TimeoutError as error:
                raise Unreachable(f"a transfer with {self._where} stood still for {seconds:g} s") from error
            except (RemoteFileError, EOFError) as error:
                if not output.has_begun and _is_alive(channel):
                    raise self._no_shell(str(error)) from error
                raise
            if not output.has_begun:
                raise self._no_shell("it ended with 0")
        self._ready.refill_soon()

    def tunnel(self, host: str, port: int) -> Tunnel:
        """See Transport.tunnel. It takes no slot: sshd counts sessions alone, and runs no program for it."""
        return Tunnel(self._open_tunnel(host, port), f"{host}:{port}", broken=_BROKEN)

    def close(self) -> None:
        """See Transport.close."""
        with self._connecting:
            client, self._client = self._client, None
        self._ready.drop()
        if client is not None:
            client.close()

    @property
    def _where(self) -> str:
        return f"{self._settings.user}@{self._settings.host}:{self._settings.port}"

    @contextmanager
    def _channel(self, seconds: float, opened: Callable[[], paramiko.Channel]) -> Iterator[paramiko.Channel]:
        """A channel of one's own; whatever breaks on it is told in our words."""
        if not self._slots.acquire(timeout=seconds):
            raise Unreachable(f"all {MAX_AT_ONCE} channels to {self._where} stayed busy for {seconds:g} s")
        try:
            with self._broken_is_unreachable(), opened() as channel:
                yield channel
        finally:
            self._slots.release()

    def _open_channel(self) -> paramiko.Channel:
        client = self._connected()
        try:
            return transport_of(client).open_session(timeout=self._settings.connect_timeout_seconds)
        except paramiko.ChannelException as error:  # the connection itself is good
            if self._ready.drop():  # what only waits makes room
                time.sleep(_MAKING_ROOM_SECONDS)
                return self._open_channel()
            raise Unreachable(
                f"{self._where} refuses another channel: {error.text}",
                hint=f"sshd's MaxSessions there should allow {MAX_CHANNELS} (10 is its default)",
            ) from error
        except _BROKEN:
            self._drop(client)
            raise

    def _open_tunnel(self, host: str, port: int) -> paramiko.Channel:
        with self._broken_is_unreachable():
            client, seconds = self._connected(), self._settings.connect_timeout_seconds
            there, here = (host, port), ("127.0.0.1", 0)
            try:
                return transport_of(client).open_channel("direct-tcpip", there, here, timeout=seconds)
            except paramiko.ChannelException as error:
                raise self._no_tunnel(f"{host}:{port}", error) from error
            except _BROKEN:
                self._drop_if_dead(client)  # a node that says nothing is no fault of the connection
                raise

    def _no_tunnel(self, there: str, error: paramiko.ChannelException) -> ClusterError:
        if error.code == _CONNECT_FAILED:
            return PortClosed(f"nothing takes connections at {there} behind {self._where}: {error.text}")
        if error.code == _PROHIBITED:
            hint = "let sshd there forward for this account: AllowTcpForwarding, PermitOpen and DisableForwarding"
            return ForwardingRefused(f"{self._where} connects nobody to {there}: {error.text}", hint=hint)
        return Unreachable(f"{self._where} opens no tunnel to {there}: {error.text}")

    def _take_shell(self, seconds: float) -> paramiko.Channel:
        """A shell that waits for its command."""
        try:
            return self._ready.take() or _with_shell(self._open_channel(), seconds)
        except TimeoutError as error:
            raise self._too_late(seconds) from error

    def _open_ready_shell(self) -> paramiko.Channel | None:
        """One more on the connection that there is; whatever is wrong with it, the next command finds out."""
        client, seconds = self._client, self._settings.connect_timeout_seconds
        if client is None:
            return None
        try:
            return _with_shell(transport_of(client).open_session(timeout=seconds), seconds)
        except _BROKEN:
            return None

    def _no_shell(self, said: str) -> NotSent:
        """The login shell did not run the command. sshd keeps the shell of a login: the next call logs in anew."""
        self.close()
        hint = "the account's login shell there must run commands by bash"
        return NotSent(f"the login shell of {self._where} ran nothing: {said}", hint=hint)

    def _too_late(self, seconds: float) -> CommandTimedOut:
        return CommandTimedOut(f"a command on {self._where} did not end within {seconds:g} s")

    @contextmanager
    def _broken_is_unreachable(self) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            raise Unreachable(f"the connection to {self._where} broke: {error or type(error).__name__}") from error

    def _connected(self) -> paramiko.SSHClient:
        with self._connecting:  # one at a time: sshd's MaxStartups drops those that come in a crowd
            if self._client is None or not transport_of(self._client).is_active():
                if self._client is not None:
                    self._client.close()
                self._client = None
                self.traffic.begin_connection()
                self._client = connect(self._settings)
            return self._client

    def _drop(self, client: paramiko.SSHClient) -> None:
        with self._connecting:
            if self._client is client:
                self._client = None
        client.close()

    def _drop_if_dead(self, client: paramiko.SSHClient) -> None:
        connection = client.get_transport()
        if connection is None or not connection.is_active():
            self._drop(client)

    @contextmanager
    def _sftp(self) -> Iterator[paramiko.SFTPClient]:
        """An SFTP session of its own; what the remote file system refuses becomes RemoteFileError."""
        seconds = self._settings.command_timeout_seconds
        with self._channel(seconds, self._open_channel) as channel:
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

    def _cannot_write(self, path: str, temporary: str, error: RemoteFileError) -> RemoteFileError:
        """Reason that kept a file from being written. OpenSSH's SFTP says just "Failure", so the shell is asked.

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


@contextmanager
def _unsent_told_apart(given: Input) -> Iterator[None]:
    try:
        yield
    except (Unreachable, CommandTimedOut) as error:
        if given.may_have_arrived:
            raise
        raise NotSent(str(error), hint=error.hint) from error


def _with_shell(channel: paramiko.Channel, seconds: float) -> paramiko.Channel:
    """The channel with a shell on it that waits for its command. Raises TimeoutError."""
    try:
        with _closing_after(channel, seconds):
            channel.exec_command(WAITING_SHELL)
    except BaseException:
        channel.close()
        raise
    return channel


def _is_waiting(channel: paramiko.Channel) -> bool:
    return not (channel.closed or channel.eof_received or channel.exit_status_ready()) and _is_alive(channel)


@contextmanager
def _closing_after(channel: paramiko.Channel, seconds: float) -> Iterator[None]:
    """Close the channel when what is inside takes too long: paramiko waits there without any limit."""
    late = Event()

    def close() -> None:
        late.set()
        with suppress(*_BROKEN):  # the connection may be gone by itself just now
            channel.close()

    timer = Timer(seconds, close)
    timer.daemon = True
    timer.start()
    try:
        yield
    except _BROKEN as error:
        if late.is_set() and _is_alive(channel):
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()


def _is_alive(channel: paramiko.Channel) -> bool:
    return channel.get_transport().is_active()
