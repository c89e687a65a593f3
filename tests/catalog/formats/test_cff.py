"""CITATION.cff: what it says, and what other people's validators say of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from cxrcat.catalog.formats import Format, cff, render
from cxrcat.catalog.formats.facts import facts_of
from cxrcat.schemas.manifest import Provenance

ROOT = Path(__file__).resolve().parents[3]
LINK = "https://nihcc.app.box.com/v/ChestXray-NIHCC"


@pytest.mark.parametrize(
    ("validator", "arguments"),
    [
        ("cffconvert", ["--validate", "-i"]),
        ("check-jsonschema", ["--builtin-schema", "vendor.citation-file-format"]),
    ],
)
def test_validators_accept_it(
    validator: str, arguments: list[str], manifest: Provenance, tmp_path: Path
) -> None:
    home = Path(os.environ.get("CXRCAT_VALIDATORS") or ROOT / ".venvs")
    command = home / validator / "bin" / validator
    if not command.exists():
        pytest.skip(f"the validator {validator} is not in {home}: run scripts/test-tools")
    file = tmp_path / "CITATION.cff"
    file.write_text(cff.write(manifest), encoding="utf-8")
    done = subprocess.run([command, *arguments, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_cites_the_slice_the_paper_and_the_dataset(nih: Provenance) -> None:
    file = yaml.safe_load(cff.write(nih))
    assert file["type"] == "dataset"
    assert file["title"] == (
        "NIH ChestX-ray14, subset pneumothorax (5,302 images of 1,487 patients)"
    )
    assert file["url"] == LINK
    assert LINK in file["message"]
    assert "The NIH Clinical Center is the data provider" in file["message"]
    assert file["preferred-citation"]["type"] == "conference-paper"
    assert (file["preferred-citation"]["start"], file["preferred-citation"]["end"]) == (3462, 3471)
    paper, dataset = file["references"]
    assert paper == file["preferred-citation"]
    assert dataset["type"] == "data"
    assert dataset["authors"][0]["name"] == "NIH Clinical Center"
    assert dataset["url"] == LINK


def test_it_names_the_terms_by_their_address_alone(manifest: Provenance) -> None:
    text = cff.write(manifest)
    assert "LicenseRef" not in text
    assert "license" not in yaml.safe_load(text)
    assert yaml.safe_load(text)["license-url"] == manifest.dataset.terms.url


def test_it_has_no_alias_and_no_date(manifest: Provenance) -> None:
    text = cff.write(manifest)
    assert not [each for each in yaml.parse(text) if isinstance(each, yaml.AliasEvent)]
    assert "date-released" not in text
    assert "2026" not in text


def test_every_work_is_read_back(manifest: Provenance) -> None:
    found = cff.read(cff.write(manifest))
    assert found.works == tuple(facts_of(citation) for citation in manifest.citations)
    assert found.preferred == found.works[0]
    assert found.authors == found.works[0].authors


def test_without_a_work_the_provider_is_the_author(nih: Provenance) -> None:
    alone = nih.model_copy(update={"citations": []})
    file = yaml.safe_load(cff.write(alone))
    assert file["authors"][0]["name"] == "NIH Clinical Center"
    assert "preferred-citation" not in file
    assert cff.read(render(Format.CFF, alone)).works == ()


def test_a_page_number_keeps_its_zeros(nih: Provenance) -> None:
    citation = nih.citations[0].model_copy(update={"page": "007-012"})
    found = cff.read(cff.write(nih.model_copy(update={"citations": [citation]})))
    assert found.works[0].pages == "007-012"
