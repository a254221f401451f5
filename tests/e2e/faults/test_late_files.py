"""A login node that sees the job folders as NFS shows them: what a node has written is there, and is not seen yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from container import stack
from container.lab import ports
from tests.e2e.site import SHORT_RUN, Site, second_site, wait_for, wait_status

LATE_SECONDS = 8
ROOT = "/home/packtrain/late-files"
REAL, SEEN = "/srv/late-files", "/srv/late-files.seen"
PIDS = "/run/lab/late-files"
# Another login node: an sshd with mounts of its own, that sees the folder through a file system which remembers for a
# while what files are like, and which are not there. Slurm's daemons, and so the runs, have the folder itself.
LOGIN_NODE = f"""
install -d -o packtrain -g packtrain -m 700 {ROOT} {REAL} {SEEN}
unshare --mount bash -ec '
  mount --bind {ROOT} {REAL}
  cache=cache.attr={LATE_SECONDS},cache.entry={LATE_SECONDS},cache.negative_entry={LATE_SECONDS}
  mergerfs -o allow_other,cache.files=off,$cache {REAL} {SEEN}
  mount --bind {SEEN} {ROOT}
  /usr/sbin/sshd -p {{port}} -o PidFile={PIDS}.sshd -E /var/log/slurm/sshd.log
'
"""
END = f"kill $(cat {PIDS}.sshd); pkill mergerfs"


@pytest.fixture
def late(site: Site, tmp_path: Path) -> Iterator[Site]:
    """A packtrain that knows only this login node."""
    port = ports.pick()
    site.lab.run("bash", "-ec", LOGIN_NODE.format(port=port))
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(site.lab.known_hosts_file.read_text().replace(str(site.lab.port), str(port)))
    text = stack.clusters_toml(site.lab).replace(str(site.lab.known_hosts_file), str(known_hosts))
    try:
        with second_site(
            tmp_path / "late-files", site.lab, text.replace(f"port = {site.lab.port}", f"port = {port}")
        ) as own:
            yield own
    finally:
        site.lab.run("bash", "-c", END)


def is_seen(late: Site, path: str) -> bool | None:
    """Whether the login node sees a file."""
    look = f"nsenter --target $(cat {PIDS}.sshd) --mount test -e {path} && echo yes || true"
    return late.lab.run("bash", "-c", look) == "yes\n" or None


def test_a_run_whose_files_are_seen_late_ends_as_it_did(late: Site) -> None:
    assert not is_seen(late, f"{ROOT}/probe")
    late.lab.run("touch", f"{ROOT}/probe")
    assert not is_seen(late, f"{ROOT}/probe"), "it is there, and is not seen"
    wait_for("late file", lambda: is_seen(late, f"{ROOT}/probe"))
    with late.client() as client:
        good, bad = client.submit(config=SHORT_RUN), client.submit(config={**SHORT_RUN, "max_steps": 1_000_000})
        ended = wait_status(client, good["id"], "succeeded")
        assert (ended["result"] or {})["steps"] == SHORT_RUN["max_steps"]
        assert client.progress(good["id"])["current_steps"] == SHORT_RUN["max_steps"], "all of its log was waited for"
        wait_for("first step", lambda: client.progress(bad["id"])["current_steps"])
        late.lab.run("bash", "-c", f"kill -KILL $(pgrep -n -f {bad['id']}/1/[c]onfig.yaml)")
        failure = wait_status(client, bad["id"], "failed")["failure"]
        assert failure
        assert failure["code"] == "killed"
        assert any("Killed" in line for line in failure["evidence"]), failure
