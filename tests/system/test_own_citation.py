"""cxrcat's own CITATION.cff and NOTICE.md keep what cxrcat asks of others."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
NIH_LINK = "https://nihcc.app.box.com/v/ChestXray-NIHCC"
NIH_DOI = "10.1109/CVPR.2017.369"


@pytest.fixture(scope="module")
def citation() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("validator", "arguments"),
    [
        ("cffconvert", ["--validate", "-i"]),
        ("check-jsonschema", ["--builtin-schema", "vendor.citation-file-format"]),
    ],
)
def test_validators_accept_the_citation(validator: str, arguments: list[str]) -> None:
    home = Path(os.environ.get("CXRCAT_VALIDATORS") or ROOT / ".venvs")
    command = home / validator / "bin" / validator
    if not command.exists():
        pytest.skip(f"the validator {validator} is not in {home}: run scripts/test-tools")
    done = subprocess.run(
        [command, *arguments, ROOT / "CITATION.cff"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_citation_and_project_agree(citation: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for cited, declared in [("title", "name"), ("version", "version"), ("license", "license")]:
        assert citation[cited] == project[declared]
    assert citation["authors"] == project["authors"]
    assert citation["keywords"] == project["keywords"]


def test_citation_meets_the_duties_of_the_shipped_metadata(citation: dict[str, Any]) -> None:
    paper, dataset = citation["references"]
    assert paper["doi"] == NIH_DOI
    assert dataset["url"] == NIH_LINK
    assert NIH_LINK in citation["message"]
    assert "NIH Clinical Center is the data provider" in citation["message"]


def test_notice_meets_the_duties_and_names_every_shipped_table() -> None:
    notice = (ROOT / "NOTICE.md").read_text(encoding="utf-8")
    assert NIH_LINK in notice
    assert NIH_DOI in notice
    assert "NIH Clinical Center is the data provider" in notice
    for table in ROOT.glob("schemas/datasets/*/*.csv.gz"):
        assert f"`{table.name}`" in notice
