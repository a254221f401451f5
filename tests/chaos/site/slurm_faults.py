"""Faults of Slurm: a controller without its last seconds, partitions closed, configuration and credentials away."""

from collections.abc import Iterator
from functools import partial

from tests.chaos.site.kind import SiteFault
from tests.chaos.site.nodes import DRAIN, OPEN, RESUME
from tests.chaos.site.scene import SiteScene

STATE = "/var/spool/slurmctld"
STOP_CONTROLLER = """
pid=$(cat /run/slurm/slurmctld.pid)
kill -KILL "$pid"
timeout 30 tail --pid="$pid" -f /dev/null
"""
COPY_STATE = f"rm -rf {STATE}.old && cp -a {STATE} {STATE}.old"
"""A running controller writes its state every few seconds, each file under another name first."""
BACK_WITH_OLD_STATE = f"""
{STOP_CONTROLLER}
rm -rf {STATE} && mv {STATE}.old {STATE}
/opt/lab/start.sh slurmctld
"""
WIPE = f"""
{STOP_CONTROLLER}
pid=$(cat /run/slurm/slurmdbd.pid)
kill -KILL "$pid"
timeout 30 tail --pid="$pid" -f /dev/null
rm -rf {STATE}/*
mariadb --socket=/run/mysqld/mysqld.sock --execute 'DROP DATABASE slurm_acct_db; CREATE DATABASE slurm_acct_db'
/opt/lab/start.sh slurmdbd
sacctmgr -i -Q add cluster lab
sacctmgr -i -Q add account lab Description=lab Organization=lab
sacctmgr -i -Q add user packtrain account=lab
/opt/lab/start.sh slurmctld
"""
STOP_NODES = """
for node in n1 n2; do
  pid=$(cat /run/slurm/slurmd-$node.pid)
  kill -KILL "$pid"
  timeout 30 tail --pid="$pid" -f /dev/null
done
"""
START_NODES = "/opt/lab/start.sh n1 && /opt/lab/start.sh n2"
COUNT_FROM = """
cp /etc/slurm/slurm.conf /etc/slurm/kept
sed -i '/^FirstJobId=/d' /etc/slurm/slurm.conf
echo FirstJobId={number} >>/etc/slurm/slurm.conf
"""
COUNT_AS_BEFORE = "mv /etc/slurm/kept /etc/slurm/slurm.conf\n"
REFUSE = r"""
printf '#!/bin/bash\necho "sbatch: error: Batch job submission failed: {words}" >&2\nexit 1\n' >/usr/local/bin/sbatch
chmod 755 /usr/local/bin/sbatch
"""
ALLOW = "rm /usr/local/bin/sbatch"
WORDS = (
    "Unspecified error",
    "Unable to contact slurm controller (connect failure)",
    "Zero Bytes were transmitted or received",
)
BREAK_PROLOG = """
cp /etc/slurm/slurm.conf /etc/slurm/kept
echo {key}=/bin/false >>/etc/slurm/slurm.conf
scontrol reconfigure
"""
MEND_PROLOG = f"""
mv /etc/slurm/kept /etc/slurm/slurm.conf
scontrol reconfigure
{RESUME} || true
"""
PROLOGS = ("Prolog", "PrologSlurmctld")
"""Of the nodes, which drains each that fails, and of the controller."""
PARTITION_STATES = {"DRAIN": "queued", "DOWN": "pending", "INACTIVE": "queued"}
"""And how a job that was ordered meanwhile is told: refused by sbatch, or kept waiting."""


def slurm_faults() -> Iterator[SiteFault]:
    """Every one, once."""
    yield SiteFault("slurmctld forgets what it just took", _forgotten)
    yield SiteFault("slurmctld forgets, no accounting", _forgotten, accounting=False)
    yield SiteFault("slurmctld forgets an end", _forgotten_end)
    for state in PARTITION_STATES:
        yield SiteFault(f"partition {state}", partial(_partition, state=state))
    for key in PROLOGS:
        yield SiteFault(f"{key} fails", partial(_prolog, key=key))
    yield SiteFault("slurm.conf away", _configuration_away)
    yield SiteFault("munge away", _munge_away)
    yield SiteFault("host names away", _names_away)
    yield SiteFault("sbatch fails in unknown words", _sbatch_fails)
    yield SiteFault("both daemons' state wiped", _wiped)
    yield SiteFault("wiped under a run that goes on", _wiped_under_a_run)


def _forgotten(scene: SiteScene) -> None:
    """Its state of before the jobs is put back, with the nodes open as they were then."""
    scene.shell(COPY_STATE)
    scene.until_shell("controller", DRAIN)
    jobs = [scene.order() for _ in range(scene.rng.randint(1, 3))]
    for job in jobs:
        scene.slurm_id(job)
    scene.shell(BACK_WITH_OLD_STATE)
    for job in jobs:
        scene.begun(job)


def _forgotten_end(scene: SiteScene) -> None:
    """It believes that a job still waits which has run meanwhile, and starts it again."""
    scene.shell(DRAIN)
    job = scene.order()
    slurm_id = scene.slurm_id(job)
    scene.until_shell("saved job", f"grep -q {job}-1- {STATE}/job_state")
    scene.shell(COPY_STATE)
    scene.until_shell("open nodes", OPEN)
    scene.begun(job)
    scene.stand_in.let_go(job)
    scene.desk.wait_status(job, "succeeded")
    scene.shell(BACK_WITH_OLD_STATE)
    scene.until_shell("open nodes", OPEN)
    scene.until_shell("end in Slurm", f"squeue -h -o %T -t all -j {slurm_id} | grep -qE 'COMPLETED|FAILED|CANCELLED'")


def _partition(scene: SiteScene, state: str) -> None:
    runs = scene.running()
    with scene.struck(f"scontrol update partitionname=gpu state={state}", "scontrol update partitionname=gpu state=UP"):
        waits = [scene.order() for _ in range(scene.rng.randint(1, 3))]
        for job in waits:
            if PARTITION_STATES[state] == "queued":
                scene.desk.wait_reason(job, "queued")
            else:
                scene.desk.wait_status(job, "pending")
        scene.lives(runs)
    for job in waits:
        scene.begun(job)


def _prolog(scene: SiteScene, key: str) -> None:
    """Jobs that it ended before they began wait and are submitted again; running jobs are not touched."""
    runs = scene.running()
    with scene.struck(BREAK_PROLOG.format(key=key), MEND_PROLOG):
        waits = scene.order()
        scene.desk.wait_reason(waits, "queued")
        scene.lives(runs)
    scene.until_shell("open nodes", OPEN)
    scene.begun(waits)


def _configuration_away(scene: SiteScene) -> None:
    runs = scene.running()
    with scene.struck("mv /etc/slurm/slurm.conf /etc/slurm/away", "mv /etc/slurm/away /etc/slurm/slurm.conf"):
        waits = scene.order()
        scene.until_unreachable()
        scene.lives(runs)
    scene.begun(waits)


def _munge_away(scene: SiteScene) -> None:
    runs = scene.running()
    with scene.struck("kill -KILL $(pidof munged)", "/opt/lab/start.sh munged"):
        waits = scene.order()
        scene.until_trouble(waits)
        scene.lives(runs)
    scene.begun(waits)


def _names_away(scene: SiteScene) -> None:
    """Neither the nodes' names nor the controller's resolve."""
    runs = scene.running()
    with scene.struck("cp /etc/hosts /etc/hosts.kept && : >/etc/hosts", "cat /etc/hosts.kept >/etc/hosts"):
        waits = scene.order()
        scene.slurm_id(waits)
        scene.lives(runs)
    scene.begun(waits)


def _sbatch_fails(scene: SiteScene) -> None:
    with scene.struck(REFUSE.format(words=scene.rng.choice(WORDS)), ALLOW):
        waits = [scene.order() for _ in range(scene.rng.randint(1, 3))]
        for job in waits:
            scene.until_trouble(job)
    for job in waits:
        scene.begun(job)


def _wiped(scene: SiteScene) -> None:
    """Slurm ends what it does not know, and nobody can tell of it any more: it is said to be lost, and is."""
    runs = scene.running(status="failed")
    scene.house.cluster.remember()
    scene.shell(WIPE)
    scene.until_shell("open nodes", OPEN)
    scene.desk.wait_status(runs, "failed")
    scene.begun(scene.order())


def _wiped_under_a_run(scene: SiteScene) -> None:
    """No node can be told to end it: unknown to Slurm it goes on, and a stranger's job gets its number."""
    runs = scene.running(may_be_corrected=True)
    number = scene.slurm_id(runs)
    scene.house.cluster.remember()
    scene.shell(STOP_NODES)
    with scene.struck(COUNT_FROM.format(number=number), COUNT_AS_BEFORE):
        scene.shell(WIPE)
        given = scene.shell(
            "setpriv --reuid packtrain --regid packtrain --init-groups sbatch --parsable -H --wrap=true"
        )
    if int(given) != number:
        raise AssertionError(f"the stranger's job is {given}, not {number}")
    scene.desk.wait_status(runs, "failed")  # silent for as long as a run may be
    scene.stand_in.let_go(runs)
    scene.desk.wait_status(runs, "succeeded")
    scene.shell(f"{START_NODES}\nsqueue -h -j {number} -o %T | grep -qx PENDING\nscancel {number}")
    scene.until_shell("open nodes", OPEN)
