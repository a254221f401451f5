"""Against a real OpenSSH server."""

import io
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from tests.tuning.ssh.conftest import StartSshd
from tests.tuning.ssh.sshd import Sshd, changed, with_signal
from tuning.errors import (
    CommandTimedOut,
    HostKeyChanged,
    LoginRefused,
    NotSent,
    RemoteDiskFull,
    RemoteFileError,
    Unreachable,
)
from tuning.ssh.budget import TrafficCount
from tuning.ssh.paramiko_transport import MAX_AT_ONCE, MAX_CHANNELS, READY_SHELLS, ParamikoTransport


def test_a_command_gives_its_streams_and_its_status(transport: ParamikoTransport) -> None:
    completed = transport.run("cat; echo problem >&2; exit 3", stdin=b"line\x00\xff\n")
    assert (completed.stdout, completed.stderr, completed.exit_status) == (b"line\x00\xff\n", b"problem\n", 3)


def test_commands_run_in_a_fixed_environment(transport: ParamikoTransport) -> None:
    assert transport.run('echo "$LC_ALL $TZ"; date -d @0 +%H').stdout == b"C UTC\n00\n"


def test_a_command_that_a_signal_ended_has_no_exit_status(transport: ParamikoTransport) -> None:
    assert transport.run("kill -9 $$").exit_status == -1


def test_a_long_stdin_and_long_answers_flow_at_the_same_time(transport: ParamikoTransport) -> None:
    content = bytes(range(256)) * 40_000
    completed = transport.run("tee /dev/stderr", stdin=content)
    assert completed.stdout == content
    assert completed.stderr == content


def test_a_command_need_not_read_its_stdin(transport: ParamikoTransport) -> None:
    assert transport.run("echo done", stdin=b"x" * 10_000_000).stdout == b"done\n"


def test_a_command_that_closes_its_output_early_is_waited_for(transport: ParamikoTransport) -> None:
    assert transport.run("exec >&- 2>&-; sleep 0.3; exit 7").exit_status == 7


def test_a_command_that_does_not_end_times_out_and_the_connection_goes_on(transport: ParamikoTransport) -> None:
    begun = time.monotonic()
    with pytest.raises(CommandTimedOut, match=r"did not end within 0\.3 s"):
        transport.run("sleep 60", timeout_seconds=0.3)
    assert time.monotonic() - begun < 5
    assert transport.run("echo again").stdout == b"again\n"
    assert transport.traffic.read().connections == 1


def test_a_login_node_that_stands_still_cannot_hold_a_call(sshd: Sshd) -> None:
    transport = ParamikoTransport(changed(sshd.settings, connect_timeout_seconds=1.0))
    transport.run("true")
    for session in sshd.sessions():
        with_signal(session, signal.SIGSTOP)
    with pytest.raises((Unreachable, CommandTimedOut)):
        transport.run("true", timeout_seconds=0.3)
    transport.close()


def test_a_shell_that_is_never_started_cannot_hold_a_call(
    transport: ParamikoTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sshd opens the channel and then says nothing to the request: paramiko alone would wait for ever."""
    monkeypatch.setattr(paramiko.Channel, "exec_command", lambda channel, _: channel._wait_for_event())
    with pytest.raises(NotSent, match=r"did not end within 0\.3 s"):
        transport.run("true", timeout_seconds=0.3)


def test_one_connection_serves_many_commands(sshd: Sshd, transport: ParamikoTransport) -> None:
    for _ in range(5):
        transport.run("true")
    assert transport.traffic.read() == TrafficCount(1, 5, 0, connections_last_minute=1, commands_last_minute=5)
    assert sshd.connections == 1


def test_commands_do_not_wait_for_small_packets_to_be_joined(transport: ParamikoTransport) -> None:
    transport.run("true")
    client = transport._client
    assert client is not None
    connection = client.get_transport()
    assert connection is not None
    assert isinstance(connection.sock, socket.socket)
    assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_after_a_broken_connection_the_next_call_opens_another(
    sshd: Sshd, transport: ParamikoTransport, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    error = _raised_in_thread(lambda: transport.run(f"echo x >> {ran}; sleep 60"))
    _until(ran.exists)
    for session in sshd.sessions():
        with_signal(session, signal.SIGKILL)
    assert isinstance(error(), Unreachable)
    assert transport.run("echo again").stdout == b"again\n"
    assert ran.read_text() == "x\n", "a command was repeated"
    assert transport.traffic.read().connections == 2


def test_what_never_left_is_told_from_what_may_have_arrived(
    sshd: Sshd, transport: ParamikoTransport, tmp_path: Path
) -> None:
    """Nobody reads stdin: its end still lies here when the connection breaks."""
    error = _raised_in_thread(lambda: transport.run(f"touch {tmp_path}/ran; sleep 60", stdin=bytes(50_000_000)))
    _until((tmp_path / "ran").exists)
    for session in sshd.sessions():
        with_signal(session, signal.SIGKILL)
    assert isinstance(error(), NotSent)


def test_a_shell_that_died_while_it_waited_is_not_used(sshd: Sshd, transport: ParamikoTransport) -> None:
    transport.run("true")
    _until(lambda: len(transport._ready._shells) == READY_SHELLS)
    transport._ready._shells[0].close()
    assert transport.run("echo still").stdout == b"still\n"
    assert transport.traffic.read().connections == 1


@pytest.mark.parametrize("refusal", ["echo 'This account is not available'; exit 1", "exit 0", "kill -9 $$"])
def test_a_login_shell_that_runs_nothing_costs_its_connection_and_no_more(
    start_sshd: StartSshd, tmp_path: Path, refusal: str
) -> None:
    """sshd keeps the shell of a login: on the old connection it would be refused for ever."""
    shell = tmp_path / "shell"
    shell.write_text('eval "$SSH_ORIGINAL_COMMAND"\n')
    transport = ParamikoTransport(start_sshd(config=f"ForceCommand sh {shell}\n").settings)
    assert transport.run("echo before").stdout == b"before\n"
    _until(lambda: len(transport._ready._shells) == READY_SHELLS)
    transport._ready.drop()
    shell.write_text(f"{refusal}\n")
    with pytest.raises(NotSent, match="ran nothing"):
        transport.run("echo never", stdin=b"x" * 100_000)
    with pytest.raises(NotSent, match="ran nothing"):
        list(transport.stream("cat; echo never", stdin=b"x"))
    shell.write_text('eval "$SSH_ORIGINAL_COMMAND"\n')
    assert transport.run("echo after").stdout == b"after\n"
    assert b"".join(transport.stream("cat", stdin=b"streamed")) == b"streamed"
    assert transport.traffic.read().connections == 3
    transport.close()


def test_no_more_than_its_share_of_channels_is_open_at_once(transport: ParamikoTransport, tmp_path: Path) -> None:
    count = f"mkdir {tmp_path}/$$; ls {tmp_path} | wc -l; sleep 0.1; rmdir {tmp_path}/$$"
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(int(transport.run(count).stdout))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 20
    assert 1 < max(seen) <= MAX_AT_ONCE


def test_a_call_that_finds_no_free_channel_in_time_says_so(transport: ParamikoTransport) -> None:
    transport.run("true")
    for _ in range(MAX_AT_ONCE):
        transport._slots.acquire()
    with pytest.raises(Unreachable, match="stayed busy"):
        transport.run("true", timeout_seconds=0.05)


def test_a_refused_channel_leaves_the_connection_alone(start_sshd: StartSshd) -> None:
    sshd = start_sshd(config="MaxSessions 1\n")
    transport = ParamikoTransport(sshd.settings)
    busy = threading.Thread(target=lambda: transport.run("sleep 1"))
    busy.start()
    _until(lambda: transport.traffic.read().commands == 1)
    with pytest.raises(Unreachable, match="refuses another channel"):
        transport.run("true")
    busy.join()
    _until(lambda: _works(transport))
    assert transport.traffic.read().connections == 1
    transport.close()


def test_an_rsa_key_works_too(sshd: Sshd) -> None:
    (sshd.folder / "user_key.pub").write_bytes((sshd.folder / "rsa_user_key.pub").read_bytes())
    transport = ParamikoTransport(changed(sshd.settings, key_file=sshd.folder / "rsa_user_key"))
    assert transport.run("echo in").stdout == b"in\n"
    transport.close()


def test_a_key_that_is_not_accepted_is_refused(sshd: Sshd) -> None:
    transport = ParamikoTransport(changed(sshd.settings, key_file=sshd.folder / "other_user_key"))
    with pytest.raises(LoginRefused, match="does not accept the key") as refused:
        transport.run("true")
    assert "authorized_keys" in str(refused.value.hint)


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), ("rubbish", "no private key")])
def test_a_key_file_that_is_none_is_refused(sshd: Sshd, tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "key").write_text(content)
    transport = ParamikoTransport(changed(sshd.settings, key_file=tmp_path / "key"))
    with pytest.raises(LoginRefused, match=reason):
        transport.run("true")


def test_a_changed_host_key_is_refused(sshd: Sshd) -> None:
    other = " ".join((sshd.folder / "other_host_key.pub").read_text().split()[:2])
    sshd.settings.known_hosts_file.write_text(f"[127.0.0.1]:{sshd.settings.port} {other}\n")
    with pytest.raises(HostKeyChanged, match="is now ssh-ed25519 SHA256:") as refused:
        ParamikoTransport(sshd.settings).run("true")
    assert "packtrain clusters trust lab" in str(refused.value.hint)
    assert sshd.connections == 0


def test_an_unknown_host_is_refused_and_not_learnt(sshd: Sshd) -> None:
    sshd.settings.known_hosts_file.write_text("")
    with pytest.raises(HostKeyChanged, match=r"SHA256:\S+\) is not in"):
        ParamikoTransport(sshd.settings).run("true")
    assert sshd.settings.known_hosts_file.read_text() == ""


def test_a_known_hosts_file_with_a_broken_line_is_named(sshd: Sshd) -> None:
    sshd.settings.known_hosts_file.write_text("login ssh-ed25519 AAAAC3NzaC1lZDI1NTE5A\n")
    with pytest.raises(HostKeyChanged, match="known_hosts holds a line that is no host key: 'login ssh-ed25519"):
        ParamikoTransport(sshd.settings).run("true")


def test_without_a_known_hosts_file_no_host_is_trusted(sshd: Sshd) -> None:
    sshd.settings.known_hosts_file.unlink()
    with pytest.raises(HostKeyChanged, match="No such file"):
        ParamikoTransport(sshd.settings).run("true")


def test_nobody_listening_is_unreachable(sshd: Sshd) -> None:
    with socket.socket() as silent:  # holds its port, so that no other test's server can take it
        silent.bind(("127.0.0.1", 0))
        settings = changed(sshd.settings, host="127.0.0.1", port=silent.getsockname()[1])
        with pytest.raises(Unreachable, match=r"cannot connect to .*refused"):
            ParamikoTransport(settings).run("true")


def test_a_host_without_an_address_is_unreachable(sshd: Sshd) -> None:
    with pytest.raises(Unreachable, match="cannot connect to"):
        ParamikoTransport(changed(sshd.settings, host="no-such-host.invalid")).run("true")


def test_it_can_be_closed_twice_and_used_again(transport: ParamikoTransport) -> None:
    transport.run("true")
    transport.close()
    transport.close()
    assert transport.run("echo back").stdout == b"back\n"


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 5_000_003])
def test_a_file_goes_there_whole(transport: ParamikoTransport, tmp_path: Path, size: int) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    target = tmp_path / "new" / "folders" / "file.bin"
    transport.put(io.BytesIO(content), str(target), mode=0o600)
    assert target.read_bytes() == content
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["file.bin"]


def test_an_upload_replaces_what_was_there(transport: ParamikoTransport, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old and longer")
    transport.put(io.BytesIO(b"new"), str(target))
    assert target.read_text() == "new"


def test_a_stream_gives_what_a_command_prints_as_it_comes(transport: ParamikoTransport) -> None:
    chunks = transport.stream("read -r line; echo $line; echo aside >&2; head -c 5000000 /dev/zero", stdin=b"first\n")
    assert b"".join(chunks) == b"first\n" + bytes(5_000_000)


def test_a_reader_may_stop_in_the_middle(transport: ParamikoTransport) -> None:
    for _ in range(MAX_CHANNELS + 1):
        chunks = transport.stream("cat /dev/zero")
        assert next(chunks)
        chunks.close()  # type: ignore[attr-defined]  # it is a generator, and the server closes it
    assert transport.run("echo fine").stdout == b"fine\n"


def test_a_stream_whose_command_fails_says_what_it_said(transport: ParamikoTransport) -> None:
    chunks = transport.stream("echo begun; echo it is gone >&2; exit 3")
    assert next(chunks) == b"begun\n"
    with pytest.raises(RemoteFileError, match="it is gone"):
        next(chunks)
    with pytest.raises(RemoteFileError, match="ended with 4"):
        list(transport.stream("exit 4"))


def test_a_stream_whose_command_is_killed_is_no_whole_answer(transport: ParamikoTransport) -> None:
    with pytest.raises(Unreachable):
        list(transport.stream("kill -9 $$"))


def test_a_stream_that_stands_still_is_given_up(sshd: Sshd) -> None:
    transport = ParamikoTransport(changed(sshd.settings, command_timeout_seconds=0.5))
    with pytest.raises(Unreachable, match="stood still"):
        list(transport.stream("sleep 20"))
    assert transport.run("echo fine", timeout_seconds=20).stdout == b"fine\n"
    transport.close()


def test_a_folder_is_no_place_for_a_file(transport: ParamikoTransport, tmp_path: Path) -> None:
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(RemoteFileError, match="cannot write") as refused:
        transport.put(io.BytesIO(b"x"), str(tmp_path / "folder"))
    assert not isinstance(refused.value, RemoteDiskFull)
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


def test_a_full_disk_is_told_from_other_failures(start_sshd: StartSshd, tmp_path: Path) -> None:
    """OpenSSH's SFTP says "Failure" for both. The server runs where a small disk is mounted, unseen by the others."""
    full = tmp_path / "small"
    full.mkdir()
    mount = ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o size=1m small {full} && exec "$@"', "sh")
    transport = ParamikoTransport(start_sshd(prefix=mount).settings)
    with pytest.raises(RemoteDiskFull, match="No space left on device") as refused:
        transport.put(io.BytesIO(b"x" * 3_000_000), f"{full}/file")
    assert "quota" in str(refused.value.hint)
    assert transport.run(f"ls -A {full}").stdout == b"", "the unfinished file was left behind"
    transport.put(io.BytesIO(b"x" * 300_000), f"{full}/file")
    transport.close()


def test_a_greeting_of_the_login_shell_does_not_break_transfers(start_sshd: StartSshd, tmp_path: Path) -> None:
    subsystem = "Subsystem sftp printf 'Welcome!\\nRead the news.\\n'; exec /usr/lib/openssh/sftp-server\n"
    transport = ParamikoTransport(start_sshd(sftp=subsystem).settings)
    transport.put(io.BytesIO(b"x" * 1_000_000), str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b"x" * 1_000_000
    transport.close()


def test_a_host_without_a_file_server_is_told_apart(start_sshd: StartSshd) -> None:
    transport = ParamikoTransport(
        start_sshd(sftp="Subsystem sftp echo This account has no file access; exit 1\n").settings
    )
    with pytest.raises(Unreachable, match="no file server answers: This account has no file access"):
        transport.put(io.BytesIO(b"x"), "/tmp/never")
    transport.close()


def test_transfers_are_counted(transport: ParamikoTransport, tmp_path: Path) -> None:
    transport.put(io.BytesIO(b"x"), str(tmp_path / "file"))
    assert transport.traffic.read() == TrafficCount(1, 0, 1, connections_last_minute=1, commands_last_minute=1)


def _works(transport: ParamikoTransport) -> bool:
    try:
        return transport.run("true").exit_status == 0
    except Unreachable:
        return False


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass")


def _raised_in_thread(work: Callable[[], object]) -> Callable[[], BaseException | None]:
    raised: list[BaseException] = []

    def target() -> None:
        try:
            work()
        except Unreachable as error:
            raised.append(error)

    thread = threading.Thread(target=target)
    thread.start()

    def result() -> BaseException | None:
        thread.join(timeout=30)
        return raised[0] if raised else None

    return result
