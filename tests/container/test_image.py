import re

from container import image, wheelhouse

LOCK = "nvidia-nccl-cu13==1  # via torch\ncuda-toolkit==1\ntriton==3\ntorchvision==0\ntorch==2\ntritonclient==1\n"


def test_the_cpu_build_of_torch_needs_no_cuda() -> None:
    assert wheelhouse.pins(LOCK, "cpu", "torch-2+cpu-x.whl") == ["torch==2", "tritonclient==1"]


def test_without_a_cpu_build_cuda_s_libraries_stay() -> None:
    kept = wheelhouse.pins(LOCK, "cpu", "torch-2-x.whl")
    assert "nvidia-nccl-cu13==1" in kept
    assert "torchvision==0" not in kept


def test_cuda_gets_everything() -> None:
    assert len(wheelhouse.pins(LOCK, "cuda", "torch-2-x.whl")) == 6


def test_the_lock_holds_the_extra_s_pins_and_no_host() -> None:
    lock = wheelhouse.LOCK.read_text(encoding="utf-8")
    for wanted in wheelhouse.train_requirements():
        name, _, version = wanted.partition("==")
        assert re.search(rf"^{re.escape(name)}=={re.escape(version.rstrip('*'))}", lock, re.MULTILINE), wanted
    assert "://" not in lock
    assert not re.search(r"^gradio==", lock, re.MULTILINE)


def test_variants_have_names_of_their_own() -> None:
    assert image.key("cpu") != image.key("cuda")
    assert image.key("cpu").endswith(".sif")


def test_the_image_has_what_runs_load_and_compile_with() -> None:
    definition = (wheelhouse.LOCK.parent / "llamafactory.def").read_text(encoding="utf-8")
    packages = (
        definition.partition("apt-get -o APT::Sandbox::User=root install")[2].partition("apt-get clean")[0].split()
    )
    # InfiniBand for NCCL, a compiler for Triton and DeepSpeed
    assert {"libibverbs1", "ibverbs-providers", "g++", "python3-dev"} <= set(packages)
