import io

import pytest

from tuning.errors import RemoteFileError, Unreachable
from tuning.ssh.fake import FakeTransport
from tuning.ssh.transport import Completed, Transport


def test_the_handler_answers_and_commands_are_kept() -> None:
    transport = FakeTransport(lambda command, stdin: Completed(command.encode() + stdin, b"", 3))
    assert transport.run("cat", stdin=b"!") == Completed(b"cat!", b"", 3)
    assert transport.commands == [("cat", b"!")]


def test_the_handler_may_raise_what_a_network_raises() -> None:
    def broken(_command: str, _stdin: bytes) -> Completed:
        raise Unreachable("gone")

    with pytest.raises(Unreachable):
        FakeTransport(broken).run("true")


def test_files_are_put_and_got() -> None:
    transport: Transport = FakeTransport(lambda _command, _stdin: Completed(b"", b"", 0), {"/a": b"0123456789"})
    transport.put(io.BytesIO(b"new"), "/b")
    assert b"".join(transport.get("/b")) == b"new"
    assert b"".join(transport.read_from("/a", 8, 5)) == b"89"
    assert list(transport.read_from("/a", 10, 5)) == []
    with pytest.raises(RemoteFileError):
        next(transport.get("/c"))
