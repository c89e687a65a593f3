"""DataCite and schema.org: by their own rules, and in agreement with CITATION.cff."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from datacite import schema45
from pyld import jsonld
from rdflib import Graph, Literal, URIRef

from cxrcat.catalog.formats import Format, cff, render
from cxrcat.catalog.formats.facts import clean, doi_url, facts_of
from cxrcat.catalog.formats.wording import acknowledgement_sentences, links, size
from cxrcat.schemas.manifest import FileFact, Provenance

from .conftest import SUM

SCHEMA = "https://schema.org/"


@pytest.fixture(params=["nih", "everything", "other", "nobody"])
def manifest(request: pytest.FixtureRequest) -> Provenance:
    if request.param != "nobody":
        made: Provenance = request.getfixturevalue(request.param)
        return made
    nih: Provenance = request.getfixturevalue("nih")  # here without works, and not exported
    duties = [duty for duty in nih.duties if duty.citation is None]
    return nih.model_copy(update={"citations": [], "duties": duties, "files": []})


def datacite_of(manifest: Provenance) -> dict[str, Any]:
    text = render(Format.DATACITE, manifest)
    assert text.endswith("}\n")
    record: dict[str, Any] = json.loads(text)
    return record


def test_datacite_is_valid(manifest: Provenance) -> None:
    # 4.6 has the names of 4.5 and more; none of those is used.
    record = datacite_of(manifest)
    schema45.validator.validate(record)
    assert record["types"]["resourceTypeGeneral"] == "Dataset"
    assert (record["publisher"], record["publicationYear"]) == ({"name": ":tba"}, "2026")
    assert "doi" not in record
    assert "fundingReferences" not in record
    for key in ("creators", "titles", "publisher", "publicationYear", "types", "schemaVersion"):
        assert not schema45.validator.is_valid({k: v for k, v in record.items() if k != key})


def test_datacite_agrees_with_the_papers(manifest: Provenance) -> None:
    record, paper = datacite_of(manifest), cff.read(render(Format.CFF, manifest))
    assert record["titles"] == [{"title": paper.title}]
    people = tuple(
        (each["familyName"], each["givenName"])
        for each in record["creators"]
        if each["nameType"] == "Personal"
    )
    assert people == paper.authors
    provider = clean(manifest.dataset.provider.name)
    assert record["contributors"][0]["name"] == provider
    assert paper.authors or record["creators"][0]["name"] == provider
    others = {duty.party for duty in manifest.duties if duty.party} - {
        manifest.dataset.provider.name
    }
    assert {each["name"] for each in record["contributors"][1:]} == set(map(clean, others))
    related = {
        (each["relationType"], each["relatedIdentifierType"], each["relatedIdentifier"])
        for each in record["relatedIdentifiers"]
    }
    assert related == {
        *(("IsDerivedFrom", "URL", link) for link in links(manifest)),
        *(("Cites", "DOI", facts_of(work).doi) for work in manifest.citations),
    }
    (rights,) = record["rightsList"]
    assert rights["rightsUri"] == manifest.dataset.terms.url
    assert clean(manifest.dataset.terms.words) in rights["rights"]
    assert "rightsIdentifier" not in rights  # the terms are in no list of licences
    words = record["descriptions"][1]["description"]
    for each in (
        *links(manifest),
        *acknowledgement_sentences(manifest),
        *(facts_of(work).title for work in manifest.citations),
        *(facts_of(work).doi for work in manifest.citations),
    ):
        assert each in words
    assert record["sizes"][0] == size(manifest).partition(" of ")[0]


def test_a_licence_that_spdx_lists_is_named(nih: Provenance) -> None:
    terms = nih.dataset.terms.model_copy(update={"licence": "CC-BY-4.0"})
    changed = nih.model_copy(update={"dataset": nih.dataset.model_copy(update={"terms": terms})})
    (rights,) = datacite_of(changed)["rightsList"]
    assert (rights["rightsIdentifier"], rights["rightsIdentifierScheme"]) == ("CC-BY-4.0", "SPDX")
    schema45.validator.validate(datacite_of(changed))


def expanded(manifest: Provenance) -> tuple[dict[str, Any], Graph]:
    """Return the JSON-LD as it stands, and its statements, the context being schema.org's names."""
    record = json.loads(render(Format.SCHEMAORG, manifest))
    assert record["@context"] == SCHEMA
    local = {**record, "@context": {"@vocab": SCHEMA}, "@id": "urn:slice"}
    quads = jsonld.to_rdf(local, {"format": "application/n-quads"})
    return record, Graph().parse(data=quads, format="nt")


def test_schemaorg_has_what_searches_ask_for(manifest: Provenance) -> None:
    record, graph = expanded(manifest)
    assert record["@type"] == "Dataset"
    assert 50 <= len(record["description"]) <= 5000
    for key in (
        *("name", "creator", "identifier", "keywords", "license", "version", "isBasedOn", "size"),
        *("creditText", "usageInfo", "acquireLicensePage", "variableMeasured"),
    ):
        assert list(graph.objects(URIRef("urn:slice"), URIRef(f"{SCHEMA}{key}"))), key
    assert ("citation" in record) == bool(manifest.citations)
    tables = [fact.path for fact in manifest.files if fact.path.startswith(("metadata", "boxes"))]
    assert [each["contentUrl"] for each in record.get("distribution", [])] == tables
    assert all(each["encodingFormat"] for each in record.get("distribution", []))


def test_schemaorg_agrees_with_the_papers(manifest: Provenance) -> None:
    record, graph = expanded(manifest)
    paper = cff.read(render(Format.CFF, manifest))
    assert record["name"] == paper.title
    assert record["isBasedOn"]["url"] == paper.url
    assert (record["isBasedOn"]["name"], record["provider"]["name"]) == paper.data[0][:2]
    people = [each for each in record["creator"] if each["@type"] == "Person"]
    assert tuple((each["familyName"], each["givenName"]) for each in people) == paper.authors
    for sentence in acknowledgement_sentences(manifest):
        assert sentence in record["creditText"]
        assert sentence in record["description"]
    for work in map(facts_of, manifest.citations):
        place = URIRef(doi_url(work.doi))
        assert (place, URIRef(f"{SCHEMA}name"), Literal(work.title)) in graph
        assert (place, URIRef(f"{SCHEMA}datePublished"), Literal(str(work.year))) in graph
        assert work.title in record["description"]


def test_schemaorg_cannot_end_the_element_that_holds_it(other: Provenance) -> None:
    subset = other.subset.model_copy(update={"query": "</script><!-- <b>"})
    text = render(Format.SCHEMAORG, other.model_copy(update={"subset": subset}))
    assert not re.search("[<>]", text)
    assert "</script><!-- <b>" in json.loads(text)["description"]


def test_bytes_are_counted(nih: Provenance) -> None:
    fact = FileFact(path="metadata.csv", size=1500, checksum=SUM)
    images = nih.images.model_copy(update={"files": 2, "size": 500, "media_type": None})
    changed = nih.model_copy(update={"files": [fact], "images": images})
    record = datacite_of(changed)
    assert record["sizes"][-1] == "2,000 bytes"
    assert record["formats"] == ["image/png", "text/csv"]
    assert "sizes" in record
    assert len(datacite_of(nih.model_copy(update={"files": []}))["sizes"]) == 2
