"""The faults: each strikes while jobs are being submitted, and has undone itself when it returns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tests.chaos.points import Point
from tests.chaos.scene import Scene
from tests.chaos.ssh_proxy import Direction

SUBMISSION_BYTES = {Direction.UP: 150_000, Direction.DOWN: 6_000}
"""About what one submission sends each way: a cut is drawn from so many bytes."""
CUT_SECONDS = 3.0


@dataclass(frozen=True)
class Fault:
    """Something that really happens to a packtrain with so many workers."""

    name: str
    strike: Callable[[Scene], None]
    crew: int = 1


def all_faults() -> list[Fault]:
    """Every fault, once."""
    return [*_kills(), *_cuts(), *_freezes(), *_crews()]


def _kills() -> Iterator[Fault]:
    for point in Point:
        yield Fault(f"worker killed: {point}", partial(_kill_worker, point=point))
    yield Fault("worker killed: any moment", partial(_kill_at_random, programs=("worker-1",)))
    yield Fault("server killed: any moment", partial(_kill_at_random, programs=("server",)))
    yield Fault("server and worker killed: any moment", partial(_kill_at_random, programs=("server", "worker-1")))


def _cuts() -> Iterator[Fault]:
    for point in Point:
        yield Fault(f"SSH cut: {point}", partial(_cut, point=point))
    for direction in Direction:
        yield Fault(f"SSH cut: after so many bytes {direction}", partial(_cut_after, direction=direction))
    yield Fault("SSH stalls, and goes on", _stall)
    yield Fault("SSH stalls, and is cut", _stall_and_cut)
    yield Fault("SSH slow, and cut", _slow_and_cut)
    yield Fault("sshd's session killed", _kill_session)


def _freezes() -> Iterator[Fault]:
    yield Fault("slurmctld frozen: claimed", partial(_freeze, point=Point.CLAIMED))
    yield Fault("slurmctld frozen: unpacked", partial(_freeze, point=Point.UNPACKED))
    yield Fault("slurmctld frozen, worker killed", _freeze_and_kill)


def _crews() -> Iterator[Fault]:
    for crew in (2, 5):
        yield Fault(f"{crew} workers, the driver killed", _kill_the_driver, crew)
        yield Fault(f"{crew} workers, the driver stopped", _stop_the_driver, crew)


def _kill_worker(scene: Scene, point: Point) -> None:
    with scene.at(point):
        scene.house.kill("worker-1")
    scene.house.refill()


def _kill_at_random(scene: Scene, programs: tuple[str, ...]) -> None:
    scene.pause(0.0, 1.0)
    for name in programs:
        scene.house.kill(name)
    scene.house.refill()


def _cut(scene: Scene, point: Point) -> None:
    with scene.at(point):
        scene.house.proxy.cut()


def _cut_after(scene: Scene, direction: Direction) -> None:
    proxy = scene.house.proxy
    count = round(scene.rng.random() * SUBMISSION_BYTES[direction])
    with scene.at(Point.CLAIMED):
        proxy.cut_after(direction, count)
    for _ in range(round(CUT_SECONDS / 0.05)):  # what the submission does not use up, the next cycles do
        if not proxy.is_armed():
            break
        scene.pause(0.05, 0.05)
    proxy.heal()


def _stall(scene: Scene) -> None:
    with scene.at_some_point():
        scene.house.proxy.stall()
        scene.pause(0.5, 3.0)
    scene.house.proxy.heal()


def _stall_and_cut(scene: Scene) -> None:
    with scene.at_some_point():
        scene.house.proxy.stall()
        scene.pause(0.2, 2.0)
        scene.house.proxy.cut()
    scene.house.proxy.heal()


def _slow_and_cut(scene: Scene) -> None:
    scene.house.proxy.delay_seconds = scene.rng.uniform(0.02, 0.15)
    with scene.at_some_point():
        scene.house.proxy.cut()
    scene.house.proxy.heal()


def _kill_session(scene: Scene) -> None:
    with scene.at_some_point():
        scene.kill_sshd_sessions()


def _freeze(scene: Scene, point: Point) -> None:
    with scene.at(point), scene.frozen_slurmctld():
        scene.pause(3.0, 15.0)


def _freeze_and_kill(scene: Scene) -> None:
    with scene.at(Point.CLAIMED), scene.frozen_slurmctld():
        scene.pause(0.2, 2.0)
        scene.house.kill("worker-1")
        scene.pause(1.0, 4.0)
    scene.house.refill()


def _kill_the_driver(scene: Scene) -> None:
    name = scene.house.driver()
    with scene.at_some_point():
        scene.house.kill(name)


def _stop_the_driver(scene: Scene) -> None:
    scene.stop_the_driver(scene.rng.choice([*Point]))
