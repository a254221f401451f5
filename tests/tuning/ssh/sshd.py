"""A real OpenSSH server on the loopback, as the user who runs the tests."""

import getpass
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tuning.settings import ClusterSettings

_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel VERBOSE
"""


@dataclass(frozen=True)
class Sshd:
    """A running server, its log, and settings that reach it."""

    process: subprocess.Popen[bytes]
    settings: ClusterSettings
    folder: Path

    @property
    def connections(self) -> int:
        """How many logins it has accepted."""
        return (self.folder / "log").read_text().count("Accepted publickey")

    def sessions(self) -> list[int]:
        """The process ids of the connections that it serves now."""
        return _children(self.process.pid)


def changed(settings: ClusterSettings, **values: object) -> ClusterSettings:
    """These settings with some values replaced."""
    return settings.model_copy(update=values)


def start_sshd(folder: Path, prefix: tuple[str, ...], config: str, sftp: str) -> Sshd:
    """Start a server with the keys in the folder; `prefix` is a command that starts it in its turn."""
    port = _free_port()
    (folder / "config").write_text(_CONFIG.format(port=port, folder=folder) + sftp + config)
    host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd, as root, locks its helpers in
    arguments = (*prefix, "/usr/sbin/sshd", "-D", "-f", str(folder / "config"), "-E", str(folder / "log"))
    process = subprocess.Popen(arguments)
    _wait_for_port(port, process)
    settings = ClusterSettings(
        name="lab", host="127.0.0.1", port=port, user=getpass.getuser(), key_file=folder / "user_key",
        known_hosts_file=folder / "known_hosts", root="/srv/packtrain", image="/srv/image.sif",
        connect_timeout_seconds=10, command_timeout_seconds=20,
    )  # fmt: skip
    return Sshd(process, settings, folder)


def stop_sshd(sshd: Sshd) -> None:
    """End the server and what it has started."""
    for session in sshd.sessions():
        for pid in (*_children(session), session):
            with_signal(pid, 9)
    sshd.process.kill()
    sshd.process.wait()


def with_signal(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def run(*arguments: str) -> None:
    subprocess.run(arguments, check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "sshd did not start"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("sshd does not listen")
