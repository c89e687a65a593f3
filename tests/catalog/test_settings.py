"""Where the catalog is and who asks: the argument, the environment, or what is usual."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import pytest

from cxrcat.catalog.settings import Settings


def test_the_argument_comes_before_the_environment_and_that_before_the_usual_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    named = {"CXRCAT_CATALOG": "named.sqlite"}
    assert Settings.read("given.sqlite", named).location == "given.sqlite"
    assert Settings.read(None, named).location == "named.sqlite"
    usual = str(tmp_path / "cxrcat" / "catalog.sqlite")
    assert Settings.read(None, {}).location == usual
    assert Settings.read(None, {"CXRCAT_CATALOG": ""}).location == usual
    assert Settings.read("", {}).location == usual


def test_the_environment_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXRCAT_CATALOG", "from-the-process")
    monkeypatch.setenv("CXRCAT_USER", "Ada Lovelace")
    found = Settings.read()
    assert (found.location, found.by) == ("from-the-process", "Ada Lovelace")
    assert found.host == os.uname().nodename


def test_the_user_is_the_one_who_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    assert Settings.read(None, {}).by == "ada"


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_is_a_number(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def nameless() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert Settings.read(None, {}).by == f"uid {os.getuid()}"


@pytest.mark.parametrize("name", ["ad\udcffa", "ada\n# mallory", "\x1b[31mada", "ada\0"])
def test_a_name_that_cannot_be_printed_can_be_recorded(name: str) -> None:
    by = Settings.read(None, {"CXRCAT_USER": name}).by
    assert "ada" in by.replace("\N{REPLACEMENT CHARACTER}", "")
    assert by.isprintable()
    by.encode()
