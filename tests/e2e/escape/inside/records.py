"""Attacks on what the batch script, server and worker write or read: the attacker's own job folder."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from .loot import leave_marks, tried
from .orders import Orders, attack

FORGED_EXIT = "slurm_job_id={}\nrestart=0\nnode=n1\nepoch=1\nexit_code=0\nstopped=no\n# {}\n"


@attack
def own_records(orders: Orders) -> Iterator[str]:
    """Each record written anew, by a temporary name and a rename."""
    mark = orders.mark("own_records")
    for name in ("data/dataset_info.json", "inside.pyz", "stdin", "exit.part", "files.part"):
        with tried(f"write {name}"):
            Path(orders.attempt, f"{name}.{mark}").write_text(mark)
    leave_marks([orders.attempt, orders.attempt / "secrets", orders.folder], mark)
    yield from ()


@attack
def own_script(orders: Orders) -> Iterator[str]:
    """A line more in the own batch script: a further attempt or a second node would run it on the host."""
    script = orders.attempt / "job.sh"
    with tried(f"write {script}"), script.open("a") as file:
        file.write(f"\n# {orders.mark('own_script')}\n")
    yield from ()


@attack
def own_programs(orders: Orders) -> Iterator[str]:
    """The service's own modules, which the batch script runs to judge checkpoints."""
    for name in ("inside.pyz", "check.pyz", "config.yaml", "data/dataset_info.json"):
        with tried(f"open {name}"):
            os.close(os.open(orders.attempt / name, os.O_WRONLY))
            yield f"{name} is open for writing"


@attack
def forged_end(orders: Orders) -> Iterator[str]:
    """An exit record while the run goes on."""
    with tried("write exit"):
        text = FORGED_EXIT.format(os.environ.get("SLURM_JOB_ID", "1"), orders.mark("forged_end"))
        (orders.attempt / "exit").write_text(text)
        yield "the exit record is written"


@attack
def forged_list(orders: Orders) -> Iterator[str]:
    """A list of output files before the batch script writes its own, and a link where it will write."""
    key = f"{orders.home}/.ssh/authorized_keys2"
    for name in ("files.part", "exit.part", "started.part", "resumed.part", "step", "stop"):
        with tried(f"link {name}"):
            os.symlink(key, orders.attempt / name)
            yield f"{name} is a link to {key}"


@attack
def logs_replaced(orders: Orders) -> Iterator[str]:
    """stdout.log and stderr.log as links to a key: the API would tell it."""
    for name in ("stdout.log", "stderr.log"):
        with tried(f"replace {name}"):
            log = orders.attempt / name
            os.rename(log, log.with_suffix(".moved"))
            os.symlink(f"{orders.home}/.ssh/id_canary", log)
            yield f"{name} is a link"


@attack
def claims(orders: Orders) -> Iterator[str]:
    """The claim of the own attempt, and of others that have yet to start."""
    for job in (orders.job, *orders.others):
        claim = Path(orders.root, "jobs", job, "1", "claim")
        with tried(f"claim {claim}"):
            if not claim.is_symlink():
                os.symlink("abandoned", claim)
                os.unlink(claim)
                yield f"{claim} was taken"
        with tried(f"claim anew {claim}"):
            os.rename(claim, claim.with_name("claim.moved"))
            os.rename(claim.with_name("claim.moved"), claim)
            yield f"{claim} is moved"


@attack
def next_attempt(orders: Orders) -> Iterator[str]:
    """The folder of the next attempt, made beforehand with a script in it."""
    folder = orders.folder / "2"
    with tried(f"make {folder}"):
        folder.mkdir()
        yield f"{folder} is made"
        leave_marks([folder], orders.mark("next_attempt"))


@attack
def another_job(orders: Orders) -> Iterator[str]:
    """The folder of a job that does not exist yet, with an output that is a link."""
    folder = Path(orders.root, "jobs", f"{orders.job}x")
    with tried(f"make {folder}"):
        folder.mkdir()
        leave_marks([folder], orders.mark("another_job"))
        yield f"{folder} is made"


@attack
def owner_link(orders: Orders) -> Iterator[str]:
    """`output.owner` tells a node that was cut off to stop: whose it is must not be the run's to say."""
    for job in (orders.job, *orders.others):
        link = Path(orders.root, "jobs", job, "output.owner")
        with tried(f"replace {link}"):
            owner = os.readlink(link)
            os.unlink(link)
            os.symlink(owner, link)
            yield f"{link} is replaced"


@attack
def output_is_a_link(orders: Orders) -> Iterator[str]:
    """The output folder moved away and back, with a link to the home in its place for a moment."""
    moved = orders.folder / "output.moved"
    with tried("rename output"):
        os.rename(orders.output, moved)
        os.symlink(orders.home, orders.output)
        os.unlink(orders.output)
        os.rename(moved, orders.output)
        yield "output was a link"


@attack
def output_removed(orders: Orders) -> Iterator[str]:
    """The cache's and the set-aside folder's names taken by links."""
    for name in ("set-aside", "1/cache.link"):
        with tried(f"link {name}"):
            os.symlink(orders.home, orders.folder / name)
            yield f"{name} is a link"
    with tried("replace cache"):
        cache = orders.attempt / "cache"
        os.rename(cache, cache.with_name("cache.moved"))
        os.symlink(f"{orders.home}/.cache", cache)
        yield "cache is a link"
        os.unlink(cache)
        os.rename(cache.with_name("cache.moved"), cache)


@attack
def own_folder_removed(orders: Orders) -> Iterator[str]:
    """A removal that follows nothing, of what may not be removed."""
    for folder in (orders.attempt / "data", orders.attempt / "secrets"):
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.is_dir():
                yield f"{folder} is removed"
