"""The terms of a dataset as data: alike where they are shown and in what an export carries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..checks import LINK, check_export, owed_in
from ..conftest import Run

OWED = [
    ("nih-link", "odrl:inform"),
    ("nih-citation", "odrl:attribute"),
    ("nih-acknowledgement", "odrl:attribute"),
]


def nodes_of(document: Any) -> list[dict[str, Any]]:
    """Return every node of JSON-LD, however deep."""
    if isinstance(document, list):
        return [found for each in document for found in nodes_of(each)]
    if not isinstance(document, dict):
        return []
    return [document, *(found for each in document.values() for found in nodes_of(each))]


def test_a_machine_sees_that_attribution_is_owed(cxrcat: Run, work: Path) -> None:
    shown = cxrcat("dataset", "show", "nih-chest-xray")
    assert "odrl:use" in shown.stdout
    assert "DUO:0000004 no restriction" in shown.stdout
    usage = json.loads(cxrcat("dataset", "show", "nih-chest-xray", "--json").stdout)["usage"]
    assert cxrcat("export", "--subset", "nodule").returncode == 0
    check_export(work / "nodule")
    crate = json.loads((work / "nodule" / "ro-crate-metadata.json").read_bytes())["@graph"]
    croissant = json.loads((work / "nodule" / "croissant.json").read_bytes())["usageInfo"]
    for said in (usage, crate, croissant):
        nodes = nodes_of(said)
        assert owed_in(said) == OWED
        assert [each["termCode"] for each in nodes if "termCode" in each] == ["DUO:0000004"]
        (permission,) = [each for each in nodes if "odrl:Permission" in each.get("@type", ())]
        assert permission["odrl:action"]["@id"] == "odrl:use"
        assigner = permission["odrl:assigner"]["@id"]
        (party,) = [each for each in nodes if each["@id"] == assigner and "name" in each]
        assert party["name"] == "NIH Clinical Center"
        duties = {each["name"]: each for each in nodes if "odrl:Duty" in each.get("@type", ())}
        assert duties["nih-link"]["url"] == LINK
        assert duties["nih-citation"]["url"] == "https://doi.org/10.1109/CVPR.2017.369"
        assert duties["nih-acknowledgement"]["odrl:attributedParty"] == "NIH Clinical Center"


def test_terms_that_permit_nothing_in_so_many_words_still_oblige(
    cxrcat: Run, work: Path, added: Path
) -> None:
    assert cxrcat("dataset", "add", added).returncode == 0
    assert cxrcat("export", "--subset", "tiny/mass").returncode == 0
    manifest = check_export(work / "mass")
    assert manifest.dataset.terms.permits == []
    policy = json.loads((work / "mass" / "croissant.json").read_bytes())["usageInfo"][-1]
    assert policy["@type"] == ["CreativeWork", "odrl:Set"]
    assert len(policy["odrl:obligation"]) == len(manifest.duties) > 0
    assert "odrl:permission" not in policy
