from pathlib import Path

import pytest

from container import cache


def test_the_digest_changes_with_content_and_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = cache.digest([tmp_path])
    (tmp_path / "a").write_text("2")
    changed = cache.digest([tmp_path])
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({before, changed, cache.digest([tmp_path])}) == 3


def test_texts_do_not_run_together() -> None:
    assert cache.digest(["ab", "c"]) != cache.digest(["a", "bc"])


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(part: Path) -> None:
        made.append(part)
        part.touch()

    target = tmp_path / "thing"
    assert cache.build_once(target, make) == target
    assert cache.build_once(target, make) == target
    assert len(made) == 1


def test_a_failed_builder_leaves_nothing(tmp_path: Path) -> None:
    def fail(part: Path) -> None:
        part.mkdir()
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cache.build_once(tmp_path / "thing", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["thing.lock"]


def test_the_cache_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_root() == tmp_path / "packtrain"


def test_an_emptied_folder_is_new_and_goes_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    left = tmp_path / "packtrain/state/of-one-that-was-killed"
    left.mkdir(parents=True)
    with cache.emptied("state") as folder:
        assert list(folder.iterdir()) == []
        (folder / "file").touch()
    assert not folder.exists()
