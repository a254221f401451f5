"""The places that the container of an attempt sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import make_cluster_settings
from tuning.jobs.attempt.mounts import container_view, written_out_bind
from tuning.llamafactory.kinds import SourceModel

ROOTS = st.lists(st.sampled_from(["/", "/a", "/a/b", "/ab", "/shared", "/shared/packtrain/m", "/a/b/"]), max_size=4)


def test_what_the_operator_named_is_read_only_unless_he_says_otherwise() -> None:
    cluster = make_cluster_settings(binds=("/a", "/b:/c", "/d:/e:rw", "/f:/g:ro"), llamafactory_checkout="/lf")
    binds = container_view(cluster, "job_1").binds
    assert binds[-5:] == ("/lf:/mnt:ro", "/a:/a:ro", "/b:/c:ro", "/d:/e:rw", "/f:/g:ro")
    assert all(bind.endswith(":ro") for bind in binds if bind != "/d:/e:rw")


def test_of_our_own_folder_it_sees_the_job_its_data_and_its_sources() -> None:
    source = SourceModel(model="jobs/job_7/output", adapter="jobs/job_8/output/checkpoint-5")
    view = container_view(make_cluster_settings(), "job_1", [("ab12", "jsonl")], source)
    expected = ("jobs/job_1", "datasets/ab12.jsonl", "jobs/job_7/output", "jobs/job_8/output")
    assert view.own_places == expected


def test_a_source_that_is_a_model_of_the_catalogue_adds_nothing() -> None:
    view = container_view(make_cluster_settings(), "job_1", (), SourceModel(model="/shared/models/a"))
    assert view.own_places == ("jobs/job_1",)


def test_models_that_lie_beneath_our_folder_are_shown_there() -> None:
    cluster = make_cluster_settings(root="/shared/packtrain", allowed_roots=("/shared/packtrain/models",), models={})
    view = container_view(cluster, "job_1")
    assert view.own_places == ("jobs/job_1", "models")
    assert not any(bind.startswith("/shared/packtrain") for bind in view.binds)


@given(roots=ROOTS)
def test_no_folder_is_bound_twice_or_within_another(roots: list[str]) -> None:
    cluster = make_cluster_settings(allowed_roots=tuple(roots), models={}, llamafactory_checkout=None)
    places = [bind.split(":")[1] for bind in container_view(cluster, "job_1").binds]
    assert len(places) == len(set(places))
    assert not any(a != b and f"{a}/".startswith(f"{b.rstrip('/')}/") for a in places for b in places)


@pytest.mark.parametrize(("bind", "expected"), [("/a", "/a:/a:ro"), ("/a:/b", "/a:/b:ro"), ("/a:/b:rw", "/a:/b:rw")])
def test_a_bind_is_written_out(bind: str, expected: str) -> None:
    assert written_out_bind(bind) == expected
