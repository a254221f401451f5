import re
import subprocess
import sys
from pathlib import Path

import pytest

from container.lab import Profile, ports, rootfs
from container.lab.namespace import Init, Mount, enter_command, environment, find_init

ROOT = Path(__file__).parents[2]
START = rootfs.HERE / "start.sh"


def rendered(name: str, **settings: str) -> str:
    """A configuration file as a lab would have it."""
    env = {"PATH": "/usr/bin:/bin", **settings}
    return subprocess.run([START, "render", name], env=env, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", sorted(path.name for path in (rootfs.HERE / "etc").iterdir()))
@pytest.mark.parametrize("profile", Profile)
def test_every_placeholder_is_filled(name: str, profile: Profile) -> None:
    text = rendered(name, LAB_PROFILE=profile, LAB_BIND="127.0.0.1")
    assert not re.search(r"@[A-Z_]+@", text)


def test_ports_follow_the_first() -> None:
    text = rendered("slurm.conf", LAB_PROFILE="trixie", LAB_PORT="23000")
    assert "SlurmctldPort=23001" in text
    assert re.findall(r"Port=(2300[23]) ", text) == ["23002", "23003"]
    assert "AccountingStoragePort=23004" in text


def test_old_slurm_has_no_accounting() -> None:
    text = rendered("slurm.conf", LAB_PROFILE="bookworm")
    assert "accounting_storage/none" in text
    assert "AccountingStorageEnforce" not in text


def test_daemons_keep_to_the_loopback_in_namespaces_only() -> None:
    assert "NoInAddrAny" in rendered("slurm.conf", LAB_BIND="127.0.0.1")
    assert "NoInAddrAny" not in rendered("slurm.conf", LAB_BIND="0.0.0.0")  # noqa: S104


def test_nodes_have_the_gpus_asked_for() -> None:
    assert rendered("slurm.conf", LAB_GPUS="16").count("Gres=gpu:a100:16 ") == 2
    assert "fakegpu-n2-[0-15]" in rendered("gres.conf", LAB_GPUS="16")
    assert "fakegpu-n1-[0-3]" in rendered("gres.conf")


def test_nodes_claim_the_processors_asked_for() -> None:
    assert rendered("slurm.conf", LAB_CPUS="128").count("CPUs=128 ") == 2


def test_each_profile_has_a_tree_of_its_own() -> None:
    assert rootfs.key(Profile.TRIXIE) != rootfs.key(Profile.BOOKWORM)
    assert rootfs.key(Profile.TRIXIE).startswith("lab-trixie-")


def test_a_mount_is_read_only_unless_said_otherwise() -> None:
    assert Mount(Path("/a"), "/b").line() == "/a /b ro"
    assert Mount(Path("/a"), "/b", read_only=False).line() == "/a /b"


def test_a_path_with_blanks_is_refused() -> None:
    with pytest.raises(ValueError, match="blanks"):
        Mount(Path("/a b"), "/c").line()


def test_the_caller_s_environment_stays_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    assert set(environment([], {"LAB_PORT": "1"})) == {"PATH", "LC_ALL", "LAB_MOUNTS", "LAB_PORT"}


def test_the_command_line_names_state_and_tree(tmp_path: Path) -> None:
    line = enter_command(tmp_path / "tree", tmp_path / "state", ["true"])
    assert line[-3:] == [str(tmp_path / "state"), str(tmp_path / "tree"), "true"]


def test_an_init_is_known_by_its_start_time(tmp_path: Path) -> None:
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    pid = Path("/proc/self").resolve().name
    assert Init(int(pid), fields[19]).alive()
    assert not Init(int(pid), "1").alive()
    (tmp_path / "init.pid").write_text(f"{pid} 1\n")
    assert find_init(tmp_path) is None


@pytest.mark.parametrize("content", ["", "x y\n", "1\n"])
def test_a_broken_pid_file_means_no_lab(tmp_path: Path, content: str) -> None:
    (tmp_path / "init.pid").write_text(content)
    assert find_init(tmp_path) is None


def test_no_process_picks_the_block_of_another_that_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both would see it free until the first one listens there."""
    program = "from container.lab import ports; print(ports.pick(), flush=True); input()"
    command = [sys.executable, "-c", program]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as other:
        assert other.stdout is not None
        taken = int(other.stdout.readline())
        monkeypatch.setattr(ports, "LOWEST", taken)
        monkeypatch.setattr(ports, "HIGHEST", taken + 1)
        with pytest.raises(OSError, match="no free block"):
            ports.pick()
        other.communicate("\n")
    assert ports.pick() == taken


def test_a_picked_port_has_its_whole_block_free() -> None:
    port = ports.pick()
    assert ports.LOWEST <= port < ports.HIGHEST
    assert ports.is_free(port)
