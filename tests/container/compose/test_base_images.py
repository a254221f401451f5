import re
import shutil
from dataclasses import replace
from pathlib import Path

import yaml

from container.compose.base_images import BASE_IMAGES
from container.compose.engine import TOP


def test_every_public_image_has_a_stand_in() -> None:
    services = yaml.safe_load((TOP / "docker-compose.yml").read_text(encoding="utf-8"))["services"].values()
    used = {service["image"] for service in services if "build" not in service}
    used |= _bases(TOP / "container/packtrain.Dockerfile") | _bases(TOP / "container/lab/Dockerfile")
    assert used == {image.name for image in BASE_IMAGES}


def test_a_stand_in_is_known_again_from_another_checkout(tmp_path: Path) -> None:
    (image,) = (image for image in BASE_IMAGES if image.entrypoint)
    assert image.entrypoint
    elsewhere = Path(shutil.copy(image.entrypoint, tmp_path))
    assert replace(image, entrypoint=elsewhere).digest() == image.digest()


def test_a_stand_in_of_other_packages_is_another() -> None:
    image = BASE_IMAGES[0]
    assert replace(image, packages=("python3",)).digest() != image.digest()


def _bases(dockerfile: Path) -> set[str]:
    text = dockerfile.read_text(encoding="utf-8")
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", text, re.MULTILINE))
    named = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    return {re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], name) for name in named} - {"scratch"}
