import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.errors import Finding
from tuning.llamafactory.arguments.paths import WRITTEN, AllowedPlaces, paths_within, resolve_file, resolve_model

PLACES = AllowedPlaces(roots=("/models", "/data/shared/"), models={"tiny-llama": "/opt/tiny/llama"}, hub_models=False)
HUB = AllowedPlaces(roots=("/models",), hub_models=True)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("/models/llama", "/models/llama"),
        ("/models//llama/./x/", "/models/llama/x"),
        ("//models/llama", "/models/llama"),
        ("/models", "/models"),
        ("/data/shared/m", "/data/shared/m"),
        ("/opt/tiny/llama", "/opt/tiny/llama"),
    ],
)
def test_paths_under_a_root_or_of_the_catalogue_are_normalised(value: str, path: str) -> None:
    assert resolve_file("media_dir", value, PLACES) == path


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("models/llama", "not an absolute path"),
        ("~/models", "not an absolute path"),
        ("", "not an absolute path"),
        ("/models/../etc/passwd", "climbs"),
        ("/models/..", "climbs"),
        ("/modelsx/llama", "outside"),
        ("/data", "outside"),
        ("/", "outside"),
        ("/opt/tiny", "outside"),
        ("/models/a b", "characters"),
        ("/models/$(id)", "characters"),
        ("/models/a\nb", "characters"),
        ("/models/a\x00b", "characters"),
        ("/models/モデル", "characters"),
        ("/models/" + "x" * 10_000, "characters"),
    ],
)
def test_other_paths_are_refused(value: str, says: str) -> None:
    found = resolve_file("media_dir", value, PLACES)
    assert isinstance(found, Finding)
    assert says in found.message
    assert found.loc == ("config", "media_dir")
    assert "\x00" not in found.message
    assert len(found.message) < 1500


def test_a_root_of_the_whole_file_system_allows_everything_absolute() -> None:
    assert resolve_file("media_dir", "/etc", AllowedPlaces(roots=("/",))) == "/etc"


def test_a_cluster_without_roots_allows_its_catalogue_only() -> None:
    bare = AllowedPlaces(models={"m": "/a/m"})
    assert resolve_model("model_name_or_path", "m", bare) == "/a/m"
    assert isinstance(resolve_model("model_name_or_path", "/a/n", bare), Finding)


def test_a_catalogue_name_is_its_path_and_a_near_one_is_found() -> None:
    assert resolve_model("model_name_or_path", "tiny-llama", PLACES) == "/opt/tiny/llama"
    found = resolve_model("model_name_or_path", "tiny-lama", PLACES)
    assert isinstance(found, Finding)
    assert found.hint is not None
    assert "did you mean 'tiny-llama'?" in found.hint
    assert "hub ids are not allowed" in found.hint


def test_a_hub_id_is_taken_only_where_the_cluster_allows_it() -> None:
    assert resolve_model("model_name_or_path", "meta-llama/Llama-3-8B", HUB) == "meta-llama/Llama-3-8B"
    assert isinstance(resolve_model("model_name_or_path", "meta-llama/Llama-3-8B", PLACES), Finding)


@pytest.mark.parametrize("value", ["../x", "a/../b", "a/b/c", "a", "./a", "a/b c", "-a/b", "a/b\n", "a/.."])
def test_what_is_no_hub_id_is_refused_even_there(value: str) -> None:
    assert isinstance(resolve_model("model_name_or_path", value, HUB), Finding)


def test_paths_inside_a_mapping_are_seen() -> None:
    content = {"zero": {"nvme_path": "/nvme", "x": [1, "auto", "../up"]}, "csv": "~/out", "name": "a..b", "n": None}
    assert list(paths_within(content)) == ["/nvme", "../up", "~/out", "a..b"]


@given(st.lists(st.sampled_from(["models", "..", ".", "", "etc", "modelsx", "~"]), max_size=6))
def test_no_path_leaves_the_root(parts: list[str]) -> None:
    found = resolve_file("media_dir", "/" + "/".join(parts), AllowedPlaces(roots=("/models",)))
    assert isinstance(found, Finding) or found == "/models" or found.startswith("/models/")


@pytest.mark.parametrize("path", ["/shared/pt/jobs", "/shared/pt/jobs/job_1/output", "/shared/./pt//datasets/a.json"])
def test_what_other_jobs_left_is_refused_beneath_a_root_too(path: str) -> None:
    places = AllowedPlaces(roots=("/shared",), closed=("/shared/pt/jobs", "/shared/pt/datasets"))
    found = resolve_file("media_dir", path, places)
    assert isinstance(found, Finding)
    assert "own folder" in found.message
    assert resolve_file("media_dir", "/shared/pt/jobs-of-mine", places) == "/shared/pt/jobs-of-mine"


@pytest.mark.parametrize("name", WRITTEN)
def test_a_folder_that_a_run_writes_must_be_writable(name: str) -> None:
    places = AllowedPlaces(roots=("/shared",), writable=("/shared/scratch",))
    assert resolve_file(name, "/shared/scratch/x", places) == "/shared/scratch/x"
    found = resolve_file(name, "/shared/models", places)
    assert isinstance(found, Finding)
    assert "not write" in found.message
    assert resolve_file("media_dir", "/shared/models", places) == "/shared/models"
