"""Configuration file, script or command: told apart, and sent with the files that they name."""

from pathlib import Path

import pytest

from packtrain.cli.request.given_run import MAX_CHARACTERS, MAX_FILES, GivenText, given_run
from packtrain.errors import InvalidInput


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command is called in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return name


def given(*words: str) -> GivenText:
    found = given_run(words)
    assert isinstance(found, GivenText)
    return found


def test_a_lone_word_is_a_file() -> None:
    assert given_run([write("config.yaml", "a: 1")]) == Path("config.yaml")
    assert given_run(["missing.yaml"]) == Path("missing.yaml")


@pytest.mark.parametrize(("name", "text"), [("a.sbatch", "x"), ("a.sh", "x"), ("run", "#!/bin/bash\nx")])
def test_a_script_is_known_by_its_name_or_its_first_line(name: str, text: str) -> None:
    assert given(write(name, text)) == GivenText("script", text, {})


def test_several_words_are_a_command_as_a_shell_would_read_it() -> None:
    assert given("llamafactory-cli", "train", "gone.yaml", "run_name=a b").text == (
        "llamafactory-cli train gone.yaml 'run_name=a b'"
    )
    assert given("python src/train.py --bf16").text == "python src/train.py --bf16"


def test_a_configuration_has_nothing_behind_it() -> None:
    with pytest.raises(InvalidInput, match="nothing behind it"):
        given_run(["config.yaml", "lr=1"])


def test_files_that_a_command_names_go_with_it() -> None:
    write("conf/cfg.yaml", "a: 1")
    write("ds.json", "{}")
    found = given("llamafactory-cli", "train", "conf/cfg.yaml", "deepspeed=ds.json", "x=gone.json")
    assert found.files == {"conf/cfg.yaml": "a: 1", "ds.json": "{}"}


def test_files_beside_a_script_are_found_wherever_it_looks_for_them() -> None:
    write("there/cfg.yaml", "a: 1")
    write("there/run.sh", "llamafactory-cli train other.yaml")
    write("there/other.yaml", "b: 1")
    script = 'bash -c "cd /mnt && llamafactory-cli train examples/cfg.yaml" ; bash $HOME/run.sh; cat ${X}.yaml'
    assert given(write("there/train.sbatch", script)).files == {
        "examples/cfg.yaml": "a: 1",
        "run.sh": "llamafactory-cli train other.yaml",
        "other.yaml": "b: 1",
    }


def test_large_files_and_very_many_stay_here() -> None:
    write("large.json", "x" * (MAX_CHARACTERS + 1))
    names = [write(f"c{number}.yaml", "a: 1") for number in range(MAX_FILES + 5)]
    found = given("x", "large.json", *names)
    assert len(found.files) == MAX_FILES
    assert "large.json" not in found.files


def test_a_named_file_that_is_not_utf8_is_refused() -> None:
    Path("latin.yaml").write_bytes(b"a: caf\xe9")
    with pytest.raises(InvalidInput, match="UTF-8"):
        given_run(["x", "latin.yaml"])
