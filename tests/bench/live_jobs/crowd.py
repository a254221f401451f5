"""Hundreds of live jobs: real Slurm jobs through packtrain, in the training image, with a stand-in for the training."""

from pathlib import Path

from container import stack
from tests.bench.live_jobs.long_link import LongLink
from tests.bench.rig import Rig
from tests.bench.site_database import SiteDatabase
from tests.bench.sshd_log import SshdCount, count_sessions
from tests.e2e.site import wait_for
from tuning.jobs.status import ON_CLUSTER, JobStatus

STAND_IN = Path(__file__).with_name("stand_in.py")
PLACE = "/opt/bench/llamafactory-cli"
BIND = f'binds = ["{PLACE}:/opt/train/bin/llamafactory-cli:ro"]'
START_SECONDS = 600.0


class Crowd:
    """A site whose live jobs only grow in number; as many of them run as the lab's nodes have processors for."""

    def __init__(self, rig: Rig, name: str = "crowd", link: LongLink | None = None) -> None:
        """Its worker reaches the lab's sshd straight, or through a link."""
        self._rig = rig
        self._sshd_log = rig.lab.root_dir / "var/log/slurm/sshd.log"
        self._sshd_log_begins = self._sshd_log.stat().st_size
        self.site = rig.packtrain(name, self._clusters(link))
        self.database = SiteDatabase(self.site)
        rig.at_end(self.database.close)

    @classmethod
    def of(cls, rig: Rig) -> "Crowd":
        """The one crowd of a bench: it is too large to be made twice."""
        return rig.shared("crowd", cls)

    def grow_to(self, live: int) -> int:
        """At least so many live jobs, all known to Slurm; returns how many of them run."""
        missing = live - self.database.count(*ON_CLUSTER)
        if missing > 0:
            self.database.add(missing)
        running = min(live, self._rig.scale.running_jobs)
        wait_for(f"crowd of {live}", lambda: self._stands(live, running) or None, START_SECONDS)
        return self.database.count(JobStatus.RUNNING)

    def disperse(self) -> None:
        """End it: its jobs would keep the nodes from the next crowd."""
        self._rig.stop(self.site)
        self._rig.lab.run("scancel", "--user=packtrain")
        wait_for("empty queue", lambda: None if self._rig.lab.run("squeue", "-h") else True, START_SECONDS)

    def at_sshd(self) -> SshdCount:
        """What sshd has seen since the crowd's server and worker were started."""
        with self._sshd_log.open(encoding="utf-8") as log:
            log.seek(self._sshd_log_begins)
            return count_sessions(log)

    def _stands(self, live: int, running: int) -> bool:
        return self.database.count(*ON_CLUSTER) >= live and self.database.count(JobStatus.RUNNING) >= running

    def _clusters(self, link: LongLink | None) -> str:
        """As `make up` has them, with the stand-in bound over the image's own program."""
        lab = self._rig.lab
        stand_in = lab.root_dir / PLACE.lstrip("/")
        stand_in.parent.mkdir(exist_ok=True)
        stand_in.write_text(STAND_IN.read_text(encoding="utf-8"), encoding="utf-8")
        stand_in.chmod(0o755)
        line = "llamafactory_checkout ="
        clusters = stack.clusters_toml(lab).replace(line, f"{BIND}\n{line}", 1)
        if link is None:
            return clusters
        key = lab.known_hosts_file.read_text(encoding="utf-8").partition(" ")[2]
        known_hosts = self._rig.folder("link") / "known_hosts"
        known_hosts.write_text(f"[{lab.host}]:{link.port} {key}", encoding="utf-8")
        through = clusters.replace(f"port = {lab.port}\n", f"port = {link.port}\n")
        return through.replace(str(lab.known_hosts_file), str(known_hosts))
