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


def test_files_are_put() -> None:
    transport = FakeTransport(lambda _command, _stdin: Completed(b"", b"", 0), {"/a": b"0123456789"})
    as_transport: Transport = transport
    as_transport.put(io.BytesIO(b"new"), "/b")
    assert transport.files == {"/a": b"0123456789", "/b": b"new"}


def test_a_stream_is_what_the_handler_answers() -> None:
    transport = FakeTransport(lambda command, stdin: Completed(command.encode() + stdin, b"why", len(stdin)))
    assert list(transport.stream("cat")) == [b"cat"]
    chunks = transport.stream("cat", stdin=b"!")
    assert next(chunks) == b"cat!"
    with pytest.raises(RemoteFileError, match="why"):
        next(chunks)
