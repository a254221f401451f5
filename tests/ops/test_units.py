"""The units of systemd start our programs, agree with each other, and are shut off from the machine."""

import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from packtrain.cli.main import app
from tuning.settings import Settings

TOP = Path(__file__).parents[2]
FOLDER = TOP / "ops" / "systemd"
UNITS = {"packtrain-server.service": "serve", "packtrain-worker.service": "work"}
_FOR_SYSTEMD_ANALYZE = 30
"""Tenths: it calls 3.0 and less OK."""


class _Unit(RawConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr


def _unit(name: str) -> RawConfigParser:
    unit = _Unit(strict=False, interpolation=None)
    unit.read_string((FOLDER / name).read_text(encoding="utf-8"))
    return unit


def test_there_is_a_unit_of_each_program() -> None:
    assert {path.name for path in FOLDER.glob("*.service")} == set(UNITS)


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_a_command_that_there_is(name: str) -> None:
    program, word = _unit(name)["Service"]["ExecStart"].split()
    assert (Path(program).name, word) == ("packtrain", UNITS[name])
    assert word in {command.name for command in app.registered_commands}


def test_units_share_account_state_and_settings() -> None:
    server, worker = (dict(_unit(name)["Service"]) for name in UNITS)
    apart = {"ExecStart", "LimitNOFILE"}
    assert {key for key in server.keys() | worker.keys() if server.get(key) != worker.get(key)} == apart
    assert "packtrain" == server["User"] == server["StateDirectory"]


def test_the_example_of_settings_has_no_other_names() -> None:
    lines = (FOLDER / "packtrain.env").read_text(encoding="utf-8").splitlines()
    names = [line.lstrip("#").partition("=")[0] for line in lines if "PACKTRAIN_" in line]
    assert len(names) == 4
    assert {name.removeprefix("PACKTRAIN_").lower() for name in names} <= set(Settings.model_fields)


@pytest.mark.system
@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_a_unit_shut_off(name: str) -> None:
    command = [
        "systemd-analyze",
        "security",
        "--offline=true",
        f"--threshold={_FOR_SYSTEMD_ANALYZE}",
        str(FOLDER / name),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
