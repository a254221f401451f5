import pytest

from ops.doctor.check import Answer
from ops.doctor.image import Package, packages, preflight_script, wanted_packages
from tests.factories import make_cluster_settings

METADATA = [
    "httpx>=0.28",
    "ruff>=0.9; extra == 'dev'",
    "llamafactory==0.9.5; extra == 'train'",
    'bitsandbytes==0.50.*; extra == "train"',
    "deepspeed; extra == 'train'",
]


def test_the_wanted_versions_are_those_of_the_extra() -> None:
    assert wanted_packages(METADATA) == {"llamafactory": "0.9.5", "bitsandbytes": "0.50.*", "deepspeed": None}


@pytest.mark.parametrize(
    ("wanted", "found", "fits"),
    [
        ("2.13.0", "2.13.0+cpu", True), ("2.13.0", "2.13.1", False), ("0.50.*", "0.50.2", True),
        ("0.50.*", "0.501.0", False), (None, "1.0", True), (None, None, False), ("1.0", None, False),
    ],
)  # fmt: skip
def test_a_package_fits_in_its_version(wanted: str | None, found: str | None, fits: bool) -> None:
    assert Package("torch", wanted, found).fits is fits


def test_the_answer_is_found_among_what_the_imports_print() -> None:
    answer = Answer('INFO: warning\npacktrain:{"torch": "2.13.0+cpu", "wandb": null}\n', "", 0)
    assert packages(answer, {"torch": "2.13.0", "wandb": None}) == [
        Package("torch", "2.13.0", "2.13.0+cpu"),
        Package("wandb", None, None),
    ]


def test_an_image_that_does_not_start_gives_no_packages() -> None:
    assert packages(Answer("", "FATAL: could not open image", 255), {}) is None


def test_the_preflight_quotes_its_image() -> None:
    cluster = make_cluster_settings().model_copy(update={"image": "/a b/$(x).sif"})
    assert preflight_script(cluster, ["torch"]).startswith("apptainer exec '/a b/$(x).sif' python3 -c ")
