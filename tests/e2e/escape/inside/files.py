"""Attacks by path: other people's files, the account's home, what is shared on a node."""

import os
from collections.abc import Iterator
from pathlib import Path

from .loot import canaries_below, canaries_in, leave_marks, tried
from .orders import Orders, attack

SHARED = ("/tmp", "/var/tmp", "/dev/shm")


@attack
def list_the_root(orders: Orders) -> Iterator[str]:
    """Whose jobs there are."""
    for folder in (orders.root, f"{orders.root}/jobs"):
        with tried(f"list {folder}"):
            yield from (name for name in os.listdir(folder) if name in orders.others)


@attack
def read_other_jobs(orders: Orders) -> Iterator[str]:
    """Configurations, secrets, logs and outputs, by path."""
    yield from canaries_below(*(f"{orders.root}/jobs/{job}" for job in orders.others))


@attack
def read_other_secrets(orders: Orders) -> Iterator[str]:
    """Secrets by the names that everybody uses, without a list of the folder."""
    for job in orders.others:
        for name in ("WANDB_API_KEY", "HF_TOKEN"):
            path = Path(orders.root, "jobs", job, "1", "secrets", name)
            with tried(f"read {path}"):
                yield from canaries_in(path.read_bytes())


@attack
def read_other_data(orders: Orders) -> Iterator[str]:
    """Uploaded data sets."""
    yield from canaries_below(f"{orders.root}/datasets", f"{orders.root}/incoming")


@attack
def read_the_home(orders: Orders) -> Iterator[str]:
    """Keys, histories, tokens."""
    yield from canaries_below(orders.home)


@attack
def read_above_the_root(orders: Orders) -> Iterator[str]:
    """The root's parents by dots, from folders that are bound."""
    for folder in (orders.output, orders.attempt, orders.attempt / "cache"):
        for above in range(1, 8):
            yield from canaries_below(f"{folder}/{'../' * above}.ssh")


@attack
def read_shared_folders(orders: Orders) -> Iterator[str]:
    """Caches and sockets that programs of the same account keep in /tmp."""
    yield from canaries_below(*SHARED)


@attack
def read_named_caches(orders: Orders) -> Iterator[str]:
    """Hugging Face's, Triton's, torch's and matplotlib's usual places."""
    names = (".cache/huggingface", ".cache/torch_extensions", ".cache/matplotlib", ".config/matplotlib", ".triton")
    yield from canaries_below(*(Path(orders.home, name) for name in names), "/tmp/torchinductor_packtrain")


@attack
def write_other_jobs(orders: Orders) -> Iterator[str]:
    """A file in each folder of other jobs; `stop` asks a training to end."""
    for job in orders.others:
        folder = Path(orders.root, "jobs", job)
        places = (folder, folder / "1", folder / "output", folder / "1/data", folder / "1/secrets", folder / "1/cache")
        leave_marks(places, orders.mark("write_other_jobs"))
    yield from ()


@attack
def write_other_scripts(orders: Orders) -> Iterator[str]:
    """A line more in another's batch script, which a pending job has yet to run."""
    mark = orders.mark("write_other_scripts")
    for job in orders.others:
        script = Path(orders.root, "jobs", job, "1", "job.sh")
        with tried(f"write {script}"), script.open("r+") as file:
            text = file.read()
            file.seek(0)
            file.write(text.replace("\nmain()", f"\ntouch {orders.home}/{mark}.run\nmain()", 1))
    yield from ()


@attack
def write_shared_data(orders: Orders) -> Iterator[str]:
    """Data sets, models and checkouts that others train on."""
    places = (f"{orders.root}/datasets", f"{orders.root}/incoming", orders.root, f"{orders.root}/jobs")
    models = ("/srv/models", "/srv/models/tiny-llama", "/mnt", "/mnt/data", "/srv/LLaMA-Factory/data")
    leave_marks([*places, *models], orders.mark("write_shared_data"))
    yield from ()


@attack
def write_the_home(orders: Orders) -> Iterator[str]:
    """What a login shell or sshd reads."""
    mark = orders.mark("write_the_home")
    leave_marks([orders.home, f"{orders.home}/.ssh"], mark)
    for name in (".bashrc", ".profile", ".ssh/authorized_keys", ".ssh/authorized_keys2", ".ssh/rc", ".ssh/environment"):
        with tried(f"append to {name}"), Path(orders.home, name).open("a") as file:
            file.write(f"# {mark}\n")
    yield from ()


@attack
def write_shared_folders(orders: Orders) -> Iterator[str]:
    """Where programs of the same account look for their caches."""
    leave_marks(SHARED, orders.mark("write_shared_folders"))
    yield from ()


@attack
def hard_links(orders: Orders) -> Iterator[str]:
    """Other people's files under a name in the own output."""
    sources = [Path(orders.home, ".ssh/id_canary"), Path("/tmp/canary")]
    sources += [Path(orders.root, "jobs", job, "1", "secrets", "WANDB_API_KEY") for job in orders.others]
    for number, source in enumerate(sources):
        with tried(f"link {source}"):
            os.link(source, orders.output / f"hard-{number}")
            yield f"{source} is linked"


@attack
def dots_in_the_output(orders: Orders) -> Iterator[str]:
    """A folder descriptor of the own output, followed upwards."""
    descriptor = os.open(orders.output, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(8):
        descriptor = os.open("..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=descriptor)
        yield from (name for name in os.listdir(descriptor) if name in orders.others)
        for name in (".ssh/id_canary", "home/packtrain/.ssh/id_canary"):
            with tried(f"open {name}"):
                yield from canaries_in(os.read(os.open(name, os.O_RDONLY, dir_fd=descriptor), 4096))
