import socket
from pathlib import Path
from typing import BinaryIO

import pytest

from ops.doctor.check import Check
from ops.doctor.diagnosis import diagnose, dial_tcp, reach_check
from tests.ops.doctor.login_node import BOUNDARY, SLURM, make_cluster, make_login_node
from tuning.errors import (
    ClusterError,
    CommandTimedOut,
    ForwardingRefused,
    HostKeyChanged,
    LoginRefused,
    RemoteFileError,
    Unreachable,
)
from tuning.settings import ClusterSettings
from tuning.ssh.fake import FakeTransport
from tuning.ssh.transport import Completed, Transport
from tuning.ssh.tunnel import Tunnel


def _dial(_host: str, _port: int, _timeout_seconds: float) -> None:
    """Somebody answers."""


def _diagnose(cluster: ClusterSettings, transport: Transport) -> dict[str, Check]:
    return {check.name: check for check in diagnose(cluster, transport, BOUNDARY, dial=_dial)}


def _not_ok(checks: dict[str, Check]) -> dict[str, str]:
    return {check.name: check.result for check in checks.values() if check.result != "ok"}


def test_a_good_cluster_passes_every_check(tmp_path: Path) -> None:
    for folder in ("models/tiny", "LF/data"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "models/tiny/config.json").touch()
    (tmp_path / "LF/data/dataset_info.json").write_text('{"identity": {}}', encoding="utf-8")
    cluster = make_cluster(
        tmp_path, models={"tiny": str(tmp_path / "models/tiny")}, llamafactory_checkout=str(tmp_path / "LF")
    )
    checks = _diagnose(cluster, make_login_node(tmp_path))
    assert _not_ok(checks) == {}
    assert list(checks) == [
        "key file", "known hosts", "network", "login", "folder", "sftp", "shell", "slurm", "slurmctld", "accounting",
        "partitions", "image", "apptainer", "models", "data sets", "tunnel",
    ]  # fmt: skip
    assert checks["slurm"].detail == "Slurm 24.11.5: sbatch, squeue, scancel, scontrol, sinfo, sacct"
    assert checks["partitions"].detail == "gpu* (up to 1-00:00:00), short (up to 10:00)"
    assert checks["apptainer"].detail == "apptainer version 1.4.5 starts the image"
    assert "is writable, " in checks["folder"].detail
    assert list((tmp_path / "root").iterdir()) == []


def test_a_banner_on_every_command_is_told_and_spoils_nothing(tmp_path: Path) -> None:
    checks = _diagnose(make_cluster(tmp_path), make_login_node(tmp_path, banner="Welcome!\n99 mails\n"))
    assert _not_ok(checks) == {"login": "warning"}
    assert "18 bytes" in checks["login"].detail


NO_ACCOUNTING = "echo 'Slurm accounting storage is disabled' >&2; exit 1"


@pytest.mark.parametrize(
    ("programs", "name", "result", "detail"),
    [
        ({"scontrol": "echo 'Slurmctld(primary) at lab is DOWN'"}, "slurmctld", "failed", "at lab is DOWN"),
        ({"sacct": NO_ACCOUNTING}, "accounting", "failed", "Slurm accounting storage is disabled"),
        ({"sinfo": "echo 'gpu* down 10:00 (null)'"}, "partitions", "failed", "gpu is not up: gpu* (down)"),
        ({"sinfo": "echo 'sinfo: error: no controller' >&2; exit 1"}, "partitions", "failed", "error: no controller"),
        (
            {"apptainer": "[ $1 = --version ] || { echo 'FATAL: no user namespaces' >&2; exit 255; }"},
            "apptainer", "failed", "cannot start the image: FATAL: no user namespaces",
        ),
        ({"apptainer": None}, "apptainer", "warning", "not on the login node"),
        ({"bash": "echo '4.2.46(2)-release'"}, "shell", "failed", "bash 4.2.46(2)-release is too old"),
        ({"bash": "exit 127"}, "shell", "failed", "does not tell its version"),
        ({"sbatch": None, "squeue": None}, "slurm", "failed", "not found: sbatch, squeue"),
    ],
)  # fmt: skip
def test_what_is_wrong_on_the_cluster_is_named_with_what_to_do(
    tmp_path: Path, programs: dict[str, str | None], name: str, result: str, detail: str
) -> None:
    present = {program: body for program, body in {**SLURM, **programs}.items() if body is not None}
    checks = _diagnose(make_cluster(tmp_path), make_login_node(tmp_path, present))
    assert _not_ok(checks) == {name: result}
    assert detail in checks[name].detail
    assert checks[name].fix or name == "partitions"


@pytest.mark.parametrize(
    ("changes", "name", "result"),
    [
        ({"image": "/nowhere/image.sif"}, "image", "failed"),
        ({"models": {"good": "/", "tiny": "/nowhere"}}, "models", "failed"),
        ({"llamafactory_checkout": "/nowhere"}, "data sets", "failed"),
        ({"accounting": False}, "accounting", "warning"),
        ({"root": "/proc/none"}, "folder", "failed"),
        ({"defaults": {"partition": "other"}}, "partitions", "failed"),
    ],
)
def test_settings_that_do_not_fit_the_cluster_are_named(
    tmp_path: Path, changes: dict[str, object], name: str, result: str
) -> None:
    checks = _diagnose(make_cluster(tmp_path, **changes), make_login_node(tmp_path))
    assert _not_ok(checks)[name] == result
    assert checks[name].fix


def test_no_accounting_is_fine_where_none_is_expected(tmp_path: Path) -> None:
    node = make_login_node(tmp_path, {**SLURM, "sacct": NO_ACCOUNTING})
    assert _not_ok(_diagnose(make_cluster(tmp_path, accounting=False), node)) == {}


def test_a_data_set_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "LF/data").mkdir(parents=True)
    (tmp_path / "LF/data/dataset_info.json").write_text("{,}", encoding="utf-8")
    cluster = make_cluster(tmp_path, llamafactory_checkout=str(tmp_path / "LF"))
    assert "is not JSON" in _diagnose(cluster, make_login_node(tmp_path))["data sets"].detail


def _breaking(error: ClusterError) -> FakeTransport:
    def run(_command: str, _stdin: bytes) -> Completed:
        raise error

    return FakeTransport(run)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (HostKeyChanged("the host key is now another"), "host key"),
        (LoginRefused("the key is not accepted"), "login"),
        (Unreachable("reset"), "connection"),
    ],
)
def test_a_login_that_fails_is_the_last_check(tmp_path: Path, error: ClusterError, name: str) -> None:
    checks = _diagnose(make_cluster(tmp_path), _breaking(error))
    assert list(checks) == ["key file", "known hosts", "network", name]
    assert (checks[name].result, checks[name].detail) == ("failed", str(error))
    assert checks[name].fix


@pytest.mark.parametrize("error", [Unreachable("broke: Channel closed."), RemoteFileError("Permission denied")])
def test_an_account_without_sftp_is_told(tmp_path: Path, error: ClusterError) -> None:
    node = make_login_node(tmp_path)

    class WithoutSftp(FakeTransport):
        def put(self, content: BinaryIO, path: str, *, mode: int = 0o644) -> None:
            raise error

    checks = _diagnose(make_cluster(tmp_path), WithoutSftp(lambda command, stdin: node.run(command, stdin=stdin)))
    assert _not_ok(checks) == {"sftp": "failed"}
    assert str(error) in checks["sftp"].detail
    assert "sshd" in (checks["sftp"].fix or "")


def test_a_login_node_that_forwards_nothing_is_a_warning(tmp_path: Path) -> None:
    node = make_login_node(tmp_path)

    class WithoutForwarding(FakeTransport):
        def tunnel(self, host: str, port: int) -> Tunnel:
            raise ForwardingRefused("it connects nobody", hint="AllowTcpForwarding")

    checks = _diagnose(make_cluster(tmp_path), WithoutForwarding(lambda command, stdin: node.run(command, stdin=stdin)))
    assert _not_ok(checks) == {"tunnel": "warning"}
    assert checks["tunnel"].detail == "no served model can be talked to: it connects nobody"
    assert checks["tunnel"].fix == "AllowTcpForwarding"


def test_a_question_without_an_answer_fails_and_the_next_is_asked(tmp_path: Path) -> None:
    node = make_login_node(tmp_path)

    def run(command: str, stdin: bytes) -> Completed:
        if "scontrol ping" in command:
            raise CommandTimedOut("late")
        return node.run(command, stdin=stdin)

    checks = _diagnose(make_cluster(tmp_path), FakeTransport(run))
    assert _not_ok(checks) == {"slurmctld": "failed"}
    assert checks["slurmctld"].detail == "no answer within 60 s"


def test_a_key_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    cluster = make_cluster(tmp_path)
    assert cluster.key_file is not None
    cluster.key_file.chmod(0o644)
    checks = _diagnose(cluster, make_login_node(tmp_path))
    assert _not_ok(checks) == {"key file": "warning"}
    assert (checks["key file"].fix or "").startswith(f"chmod 600 {cluster.key_file}")


def test_an_agents_key_needs_no_file(tmp_path: Path) -> None:
    cluster = make_cluster(tmp_path).model_copy(update={"key_file": None, "key_agent": True})
    assert _not_ok(_diagnose(cluster, make_login_node(tmp_path))) == {}


def test_of_a_login_node_behind_another_host_that_one_is_dialled(tmp_path: Path) -> None:
    dialled: list[tuple[str, int]] = []
    cluster = make_cluster(tmp_path).model_copy(update={"jump_host": "gate", "jump_port": 2022})
    check = reach_check(cluster, lambda host, port, _seconds: dialled.append((host, port)))
    assert (check.result, dialled) == ("ok", [("gate", 2022)])


@pytest.mark.parametrize(("name", "check"), [("key", "key file"), ("known_hosts", "known hosts")])
def test_a_missing_file_is_named(tmp_path: Path, name: str, check: str) -> None:
    cluster = make_cluster(tmp_path)
    (tmp_path / name).unlink()
    found = _diagnose(cluster, make_login_node(tmp_path))[check]
    assert (found.result, found.detail) == ("failed", f"{tmp_path / name}: No such file or directory")


def test_an_empty_known_hosts_file_trusts_nobody(tmp_path: Path) -> None:
    cluster = make_cluster(tmp_path)
    cluster.known_hosts_file.write_text("\n", encoding="utf-8")
    assert _diagnose(cluster, make_login_node(tmp_path))["known hosts"].result == "failed"


def test_a_port_on_which_nobody_listens_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        cluster = make_cluster(tmp_path, host="127.0.0.1", port=port)
        assert reach_check(cluster, dial_tcp).result == "ok"
    found = reach_check(cluster, dial_tcp)
    assert (found.result, found.detail) == ("failed", f"127.0.0.1:{port}: Connection refused")


def test_names_with_shell_words_stay_data(tmp_path: Path) -> None:
    home = tmp_path / "it's $(touch evil); here"
    home.mkdir()
    cluster = make_cluster(tmp_path).model_copy(update={"image": str(home / "image.sif")})
    (home / "image.sif").write_bytes(b"sif")
    assert _diagnose(cluster, make_login_node(tmp_path))["image"].result == "ok"
    assert not Path("evil").exists()


def test_the_image_is_started_as_the_site_does_it(tmp_path: Path) -> None:
    node = make_login_node(tmp_path, {**SLURM, "apptainer": "exit 1", "singularity": SLURM["apptainer"]})
    (tmp_path / "bin/singularity").rename(tmp_path / "singularity")
    cluster = make_cluster(tmp_path, prelude=(f"PATH={tmp_path}:$PATH",), container_command="singularity")
    assert _diagnose(cluster, node)["apptainer"].detail == "apptainer version 1.4.5 starts the image"
