"""What an operator may say of a site, and what would be more than that."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.factories import make_cluster_settings
from tuning.site_settings import SBATCH_OPTIONS, SRUN_OPTIONS, SiteSettings, hub_environment, option_words


@pytest.mark.parametrize(
    "site",
    [
        {"prelude": ["source /etc/profile.d/modules.sh", "module load apptainer/1.3 # ours"]},
        {"container_command": "singularity"},
        {"container_command": "/opt/apptainer-1.3/bin/apptainer"},
        {"scratch": "${SLURM_TMPDIR}", "compile_cache": "image"},
        {"scratch": "/local/${USER}/x-${SLURM_JOB_ID}"},
        {"umask": "0027", "ulimits": {"memlock": "unlimited", "core": 0}},
        {"umask": "007", "srun_options": {"cpu-bind": "cores", "mem-bind": "local", "gpu-bind": "map_gpu:0,1"}},
        {"hub": "online"},
        {"hub": "http://proxy.lab.example.org:3128"},
        {"gpu_request": "none", "sbatch_options": {"exclusive": True}},
        {"sbatch_options": {"mail-type": "FAIL,TIME_LIMIT_80", "mail-user": "ops+slurm@lab.example.org"}},
        {"sbatch_options": {"nodelist": "gpu[01-04,07],big1", "licenses": "matlab@db:2,x:1", "exclusive": "user"}},
        {"sbatch_options": {"reservation": "class-2026", "switches": "1@00:30:00", "core-spec": 2}},
    ],
)
def test_what_sites_do_is_taken(site: dict[str, Any]) -> None:
    assert make_cluster_settings(**site).model_dump(include=set(site), mode="json") == site


@pytest.mark.parametrize(
    ("site", "where"),
    [
        ({"prelude": ["a\nb"]}, "prelude"),
        ({"prelude": [""]}, "prelude"),
        ({"prelude": ["x"] * 51}, "prelude"),
        ({"container_command": "podman"}, "container_command"),
        ({"container_command": "/bin/sh -c id"}, "container_command"),
        ({"container_command": "/opt/bin/"}, "container_command"),
        ({"container_command": "../apptainer"}, "container_command"),
        ({"gpu_request": "gpus"}, "gpu_request"),
        ({"umask": "022; id"}, "umask"),
        ({"umask": "000"}, "umask"),
        ({"umask": "700"}, "umask"),
        ({"ulimits": {"cpu": 1}}, "ulimits"),
        ({"ulimits": {"memlock": "1; id"}}, "ulimits"),
        ({"ulimits": {"memlock": float("inf")}}, "ulimits"),
        ({"ulimits": {"core": -1}}, "ulimits"),
        ({"ulimits": {"core": True}}, "ulimits"),
        ({"srun_options": {"label": True}}, "srun_options: 'label'"),
        ({"srun_options": {"export": "ALL"}}, "srun_options: 'export'"),
        ({"srun_options": {"cpu-bind": "cores bash"}}, "srun_options.cpu-bind"),
        ({"srun_options": {"cpu-bind": "map_cpu:$(id)"}}, "srun_options.cpu-bind"),
        ({"hub": "on"}, "hub"),
        ({"hub": "http://me:password@proxy:3128"}, "hub"),
        ({"hub": "socks5://proxy:1080"}, "hub"),
        ({"hub": "http://proxy:3128/$(id)"}, "hub"),
        ({"scratch": "$TMPDIR"}, "scratch"),
        ({"scratch": "/a/${X:-`id`}"}, "scratch"),
        ({"scratch": "/a b"}, "scratch"),
        ({"scratch": "tmp"}, "scratch"),
        ({"compile_cache": "/shared/cache"}, "compile_cache"),
    ],
)
def test_what_is_no_such_setting_is_refused_by_its_name(site: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError, match=where):
        make_cluster_settings(**site)


@pytest.mark.parametrize(
    "name",
    [
        "wrap",
        "export",
        "output",
        "error",
        "job-name",
        "comment",
        "signal",
        "requeue",
        "array",
        "chdir",
        "dependency",
        "gres",
        "time",
        "nodes",
        "-p",
        "Exclusive",
    ],
)
def test_options_that_packtrain_gives_itself_cannot_be_set(name: str) -> None:
    with pytest.raises(ValidationError, match=f"sbatch_options: '{name}' cannot be set here; what can: .*reservation"):
        make_cluster_settings(sbatch_options={name: "x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reservation", "a b"),
        ("reservation", True),
        ("mail-user", "--wrap=id"),
        ("nodelist", "n1 --wrap=id"),
        ("exclusive", "yes"),
        ("core-spec", 0),
        ("contiguous", "x"),
        ("licenses", "x" * 201),
    ],
)
def test_a_value_that_sbatch_would_not_take_is_refused(name: str, value: bool | int | str) -> None:
    with pytest.raises(ValidationError, match=rf"sbatch_options\.{name}: .* is no value"):
        make_cluster_settings(sbatch_options={name: value})


def test_an_option_is_on_by_itself_with_a_value_or_off() -> None:
    options: dict[str, bool | int | str] = {
        "exclusive": True,
        "contiguous": False,
        "core-spec": 2,
        "wckey": "a",
        "licenses": False,
    }
    assert option_words(SiteSettings(sbatch_options=options).sbatch_options) == [
        "--exclusive",
        "--core-spec=2",
        "--wckey=a",
    ]


@pytest.mark.parametrize("setting", ["sbatch_options", "srun_options"])
@given(data=st.data(), value=st.text(max_size=30) | st.from_regex(r"[a-z]{1,5}[:=@, ;$'-]?[a-z0-9]{0,5}\n?"))
def test_no_value_of_an_option_is_more_than_a_word(setting: str, data: st.DataObject, value: str) -> None:
    name = data.draw(st.sampled_from([*{"sbatch_options": SBATCH_OPTIONS, "srun_options": SRUN_OPTIONS}[setting]]))
    try:
        words = option_words(getattr(SiteSettings.model_validate({setting: {name: value}}), setting))
    except ValidationError:
        return
    assert [word.split() for word in words] == [[f"--{name}={value}"]]
    assert not set(value) & set("'\"\\$`;<> ")


@pytest.mark.parametrize(
    ("hub", "has_wandb_key", "offline", "wandb"),
    [
        ("offline", True, "1", "offline"),
        ("online", True, "0", "online"),
        ("online", False, "0", "offline"),
        ("http://proxy:3128", True, "0", "online"),
    ],
)
def test_a_switch_says_how_hubs_are_reached(hub: str, has_wandb_key: bool, offline: str, wandb: str) -> None:
    variables = hub_environment(hub, has_wandb_key)
    names = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
    assert ({variables[name] for name in names}, variables["WANDB_MODE"]) == ({offline}, wandb)
    assert variables.get("https_proxy") == (hub if hub.startswith("http") else None)


def test_without_the_switch_the_image_decides() -> None:
    assert hub_environment(None, has_wandb_key=True) == {}
