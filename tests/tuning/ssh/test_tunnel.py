"""Through a real OpenSSH server to a port of this machine."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from tests.tuning.ssh.conftest import StartSshd
from tests.tuning.ssh.sshd import Sshd, with_signal
from tuning.errors import ForwardingRefused, PortClosed, Unreachable
from tuning.ssh.fake import FakeTransport
from tuning.ssh.paramiko_transport import MAX_CHANNELS, ParamikoTransport
from tuning.ssh.transport import Completed, Transport
from tuning.ssh.tunnel import Tunnel

HERE = "127.0.0.1"


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port of this machine whose connections are served, each on a thread; the port's number."""
    with socket.create_server((HERE, 0)) as listener:
        threading.Thread(target=_accept, args=(listener, serve), daemon=True).start()
        yield listener.getsockname()[1]


def _accept(listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def echo(connection: socket.socket) -> None:
    """Give back what comes, and end with it."""
    with connection:
        while content := connection.recv(65536):
            connection.sendall(content)


@pytest.fixture(params=["sshd", "fake"])
def any_transport(request: pytest.FixtureRequest) -> Transport:
    if request.param == "sshd":
        found: Transport = request.getfixturevalue("transport")
        return found
    return FakeTransport(lambda _command, _stdin: Completed(b"", b"", 0))


def test_bytes_go_there_and_come_back(any_transport: Transport) -> None:
    with listening(echo) as port, closing(any_transport.tunnel(HERE, port)) as tunnel:
        tunnel.send(b"ask\x00\xff")
        assert tunnel.receive(100) == b"ask\x00\xff"
        tunnel.send(b"again")
        assert tunnel.receive(2) + tunnel.receive(100) == b"again"


def test_the_end_of_the_other_side_is_the_end_of_the_stream(any_transport: Transport) -> None:
    def say_and_go(connection: socket.socket) -> None:
        with connection:
            connection.sendall(b"last words")

    with listening(say_and_go) as port, closing(any_transport.tunnel(HERE, port)) as tunnel:
        assert tunnel.receive(100) == b"last words"
        assert tunnel.receive(100) == b""


def test_a_closed_tunnel_ends_the_connection_behind_it_at_once(any_transport: Transport) -> None:
    ended = threading.Event()

    def until_gone(connection: socket.socket) -> None:
        with connection:
            connection.recv(1)
        ended.set()

    with listening(until_gone) as port:
        tunnel = any_transport.tunnel(HERE, port)
        tunnel.close()
        assert ended.wait(10)
        tunnel.close()


def test_closing_wakes_a_thread_that_receives(any_transport: Transport) -> None:
    def receive(tunnel: Tunnel) -> None:
        with suppress(Unreachable):  # where it was closed before it had begun to receive
            assert tunnel.receive(100) == b""

    with listening(echo) as port:
        tunnel = any_transport.tunnel(HERE, port)
        reader = threading.Thread(target=receive, args=(tunnel,))
        reader.start()
        tunnel.close()
        reader.join(10)
    assert not reader.is_alive()


def test_a_port_at_which_nothing_listens_is_told(any_transport: Transport) -> None:
    with socket.create_server((HERE, 0)) as listener:
        port: int = listener.getsockname()[1]
    with pytest.raises(PortClosed, match=f"nothing takes connections at {HERE}:{port}"):
        any_transport.tunnel(HERE, port)


@pytest.mark.parametrize("config", ["AllowTcpForwarding no\n", "PermitOpen none\n", "DisableForwarding yes\n"])
def test_a_login_node_that_forwards_nothing_is_told(start_sshd: StartSshd, config: str) -> None:
    with closing(ParamikoTransport(start_sshd(config=config).settings)) as transport:
        with pytest.raises(ForwardingRefused, match="connects nobody to 127") as refused:
            transport.tunnel(HERE, 9)
        assert "AllowTcpForwarding" in str(refused.value.hint)
        assert transport.run("echo on").stdout == b"on\n"
        assert transport.traffic.read().connections == 1


def test_tunnels_leave_the_channels_of_commands_alone(transport: ParamikoTransport) -> None:
    with listening(echo) as port:
        tunnels = [transport.tunnel(HERE, port) for _ in range(3 * MAX_CHANNELS)]
        assert transport.run("echo on").stdout == b"on\n"
        for number, tunnel in enumerate(tunnels):
            tunnel.send(b"%d" % number)
        assert [tunnel.receive(9) for tunnel in tunnels] == [b"%d" % number for number in range(len(tunnels))]
        for tunnel in tunnels:
            tunnel.close()
    assert transport.traffic.read().connections == 1
    assert transport.traffic.read().commands == 1


def test_a_tunnel_that_nobody_reads_holds_up_no_other(transport: ParamikoTransport) -> None:
    def flood(connection: socket.socket) -> None:
        with connection:
            try:
                while True:
                    connection.sendall(bytes(1_000_000))
            except OSError:
                return

    with listening(flood) as floods, listening(echo) as echoes, closing(transport.tunnel(HERE, floods)) as unread:
        assert unread.receive(1) == b"\0"
        with closing(transport.tunnel(HERE, echoes)) as other:
            for _ in range(20):
                other.send(b"x" * 1000)
                assert other.receive(1000)


def test_a_tunnel_ends_with_its_connection_and_the_next_opens_another(sshd: Sshd, transport: ParamikoTransport) -> None:
    with listening(echo) as port:
        tunnel = transport.tunnel(HERE, port)
        for session in sshd.sessions():
            with_signal(session, signal.SIGKILL)
        assert tunnel.receive(1) == b""
        with pytest.raises(Unreachable, match=f"the tunnel to {HERE}:{port} broke"):
            tunnel.send(b"x")
        with closing(transport.tunnel(HERE, port)) as another:
            another.send(b"on")
            assert another.receive(2) == b"on"
    assert transport.traffic.read().connections == 2
