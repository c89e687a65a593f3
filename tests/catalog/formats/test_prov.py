"""W3C PROV from manifests: read by the field's library, whole, alike in all forms."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prov.model import ProvDocument
from rdflib import Graph
from rdflib.compare import isomorphic

from cxrcat.catalog.checksums import names_checksum
from cxrcat.catalog.formats import prov
from cxrcat.catalog.formats.prov_forms import ProvForm, provenance
from cxrcat.schemas.errors import CheckFailedError, CxrcatError, InputError
from cxrcat.schemas.manifest import Arrival, ExportFacts, Provenance, ReadFact, VersionFacts

from ...checks import check_prov
from .conftest import SUM

AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
HEADER = ["name", "source", "path", "size", "checksum"]


def text_of(manifest: Provenance, form: ProvForm, table: Path | None = None) -> str:
    return "".join(provenance(manifest, form, table=table))


def with_table(manifest: Provenance, place: Path, names: list[str]) -> tuple[Provenance, Path]:
    """Return a manifest of images with these names, and its table, every second image brought."""
    path = place / "metadata.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        for number, name in enumerate(names):
            held = [f"images/{number}.png", "5", SUM] if number % 2 else ["", "", ""]
            writer.writerow([name, f"gs://b/{number}" if number % 3 else "", *held])
    subset = manifest.subset.model_copy(update={"names": str(names_checksum(iter(names)))})
    images = manifest.images.model_copy(update={"files": max(len(names) // 2, 1), "mode": "copy"})
    return manifest.model_copy(update={"subset": subset, "images": images}), path


@pytest.fixture(params=["nih", "everything", "other"])
def manifest(request: pytest.FixtureRequest) -> Provenance:
    made: Provenance = request.getfixturevalue(request.param)
    return made


def test_every_form_says_the_same(manifest: Provenance, tmp_path: Path) -> None:
    names = ["00000001_000.png", 'odd "name" ünï\\%20.png.', "a b.png", "-.png", "x:y?&<z>.png"]
    changed, table = with_table(manifest, tmp_path, names)
    for given_table in (None, table):
        text = text_of(changed, ProvForm.JSON, given_table)
        document = check_prov(text)
        turtle = text_of(changed, ProvForm.TURTLE, given_table)
        read = ProvDocument.deserialize(content=turtle, format="rdf", rdf_format="turtle")
        assert read == document
        again = document.serialize(format="rdf", rdf_format="turtle")
        assert isomorphic(Graph().parse(data=turtle), Graph().parse(data=again))
        notation = text_of(changed, ProvForm.PROVN, given_table)
        assert sorted(notation.splitlines()) == sorted(document.get_provn().splitlines())
        assert notation.endswith("\nendDocument\n")
        back = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
        assert back == document
    assert prov.write(changed) == text_of(changed, ProvForm.JSON)


def test_images_are_told_of(nih: Provenance, tmp_path: Path) -> None:
    changed, table = with_table(nih, tmp_path, ["a.png", "b.png"])
    told = json.loads(text_of(changed, ProvForm.JSON, table))
    image, file = "cxrcat:image/nih-chest-xray/b.png", "cxrcat:export/e1/images/1.png"
    assert told["entity"][image]["prov:location"]["$"] == "gs://b/1"
    assert told["entity"][file]["term:checksum"] == SUM
    assert {"prov:generatedEntity": file, "prov:usedEntity": image} in told[
        "wasDerivedFrom"
    ].values()
    members = [each["prov:entity"] for each in told["hadMember"].values()]
    assert sorted(members)[-4:] == [
        file,
        "cxrcat:export/e1/metadata.csv",
        "cxrcat:image/nih-chest-xray/a.png",
        image,
    ]


@pytest.mark.parametrize("form", ProvForm)
def test_memory_does_not_grow_with_the_images(
    nih: Provenance, tmp_path: Path, form: ProvForm
) -> None:
    text_of(nih, form)  # once, for what is imported
    changed, table = with_table(nih, tmp_path, [f"{each:08}.png" for each in range(30_000)])
    tracemalloc.start()
    size = sum(len(piece) for piece in provenance(changed, form, table=table))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 10_000_000
    assert peak < 3_000_000  # of which two batches of names that are hashed take the most


def test_what_google_converted_is_attributed_to_it(everything: Provenance) -> None:
    reason = "the images were fetched from Google Cloud Storage, DICOM"
    duties = [
        duty.model_copy(update={"because": [reason]}) if duty.party == "Google" else duty
        for duty in everything.duties
    ]
    changed = everything.model_copy(update={"duties": duties})
    for made, relation, what in (
        (changed, "wasAttributedTo", "prov:entity"),
        (everything, "wasInfluencedBy", "prov:influencee"),
    ):
        told = json.loads(prov.write(made))
        (record,) = [
            each
            for each in told[relation].values()
            if "cxrcat:organization/Google" in each.values()
        ]
        assert record["term:duty"].startswith("The DICOM instances were converted by Google")
        ends = {"wasAttributedTo": "cxrcat:export/e1/images", "wasInfluencedBy": "cxrcat:export/e1"}
        assert record[what] == ends[relation]


def test_the_subset_alone_has_no_export(nih: Provenance) -> None:
    text = "".join(provenance(nih, ProvForm.JSON, exported=False))
    check_prov(text)
    assert "cxrcat:export" not in text
    assert nih.export.id not in text.replace("cxrcat:record", "")
    alone, whole = json.loads(text), json.loads(prov.write(nih))
    for section in ("entity", "activity", "agent"):
        assert alone[section].items() <= whole[section].items()


@st.composite
def lineages(draw: st.DrawFn) -> tuple[list[VersionFacts], list[Arrival]]:
    """Draw versions, each made from some of those before it, and when some of them arrived."""
    versions: list[VersionFacts] = []
    for number in range(draw(st.integers(1, 8))):
        known = [each.reference for each in versions]
        parents = draw(st.lists(st.sampled_from(known), unique=True)) if known else []
        reads = [ReadFact(kind="subset", name=each, word="x") for each in parents]
        for kind, name in (("labels", "nih"), ("labels", "gone"), ("split", "split"),
                           ("source", "bigquery"), ("boxes", "mass")):  # fmt: skip
            if draw(st.booleans()):
                reads.append(ReadFact(kind=kind, name=name, word="y"))  # type: ignore[arg-type]
        versions.append(
            VersionFacts(
                name=draw(st.sampled_from(["a", "b.", "c-d_"])),
                version=number + 1,
                query=draw(st.text(max_size=20)),
                normal="n",
                operation=draw(st.sampled_from(["where", "split", "union", "odd\x00"])),
                steps=draw(st.sampled_from([[], [{"kind": "k", "s": 1}, {"into": [("a", "1")]}]])),
                reads=reads,
                images=number,
                patients=0,
                digest=f"xxh128:{draw(st.integers(0, 3)):032x}",
            )
        )
    people = st.sampled_from([None, "ada", 'Björn "B" \\ <x> .'])
    arrivals = [
        Arrival(kind="subset", name=each.reference, at=AT, by=draw(people))
        for each in versions
        if draw(st.booleans())
    ]
    return versions, arrivals


@settings(max_examples=60, deadline=None)
@given(made=lineages(), by=st.text(min_size=1, max_size=8), order=st.randoms())
def test_any_lineage_is_whole_and_without_circles(
    nih: Provenance,
    made: tuple[list[VersionFacts], list[Arrival]],
    by: str,
    order: object,
) -> None:
    versions, arrivals = made
    last = versions.pop()
    order.shuffle(versions)  # type: ignore[attr-defined]
    facts = last.model_dump()
    changed = nih.model_copy(
        update={
            "subset": nih.subset.model_copy(
                update={**facts, "reads": last.reads, "steps": last.steps}
            ),
            "lineage": versions,
            "export": ExportFacts(id="e", at=AT, by=by, host=by, arrivals=arrivals),
        }
    )
    text = prov.write(changed)
    document = check_prov(text)
    assert prov.write(changed) == text
    turtle = text_of(changed, ProvForm.TURTLE)
    read = ProvDocument.deserialize(content=turtle, format="rdf", rdf_format="turtle")
    assert len(read.get_records()) == len(document.get_records())
    told = json.loads(text)
    for arrival in arrivals:
        label = f"recording of subset {arrival.name}"
        ended = [e for e in told["activity"].values() if e["prov:label"] == label]
        assert all(each["prov:endTime"] == AT.isoformat() for each in ended)


@pytest.mark.parametrize("form", ProvForm)
def test_no_control_character_reaches_a_terminal(nih: Provenance, form: ProvForm) -> None:
    bad = "a\x1b[2J\x9b\x07z"
    step: dict[str, str | int | list[tuple[str, str]] | None] = {"kind": bad}
    subset = nih.subset.model_copy(
        update={"name": bad, "query": bad, "normal": bad, "operation": bad, "steps": [step]}
    )
    provider = nih.dataset.provider.model_copy(update={"name": bad, "url": f"https://{bad}"})
    words = {"slug": bad, "version": bad, "title": bad, "released": bad, "homepage": bad}
    changed = nih.model_copy(
        update={
            "subset": subset,
            "dataset": nih.dataset.model_copy(update={**words, "provider": provider}),
            "tool": nih.tool.model_copy(update={"version": bad}),
            "export": ExportFacts(id=bad, at=AT, by=bad, host=bad, project=bad),
            "duties": [each.model_copy(update={"text": bad, "party": bad}) for each in nih.duties],
        }
    )
    text = text_of(changed, form)
    assert all(line.isprintable() for line in text.splitlines())


def test_a_lineage_that_cannot_be_is_refused(nih: Provenance) -> None:
    def read(name: str) -> list[ReadFact]:
        return [ReadFact(kind="subset", name=name, word="x")]

    base = VersionFacts(**{
        name: getattr(nih.subset, name) for name in VersionFacts.model_fields
    })  # fmt: skip
    a = base.model_copy(update={"name": "a", "reads": read("b@1")})
    b = base.model_copy(update={"name": "b", "reads": read("a@1")})
    top = nih.subset.model_copy(update={"reads": read("a@1")})
    for lineage, words in (([a, b], "come from itself"), ([a], "lacks 'b@1'"), ([], "lacks 'a@1'")):
        changed = nih.model_copy(update={"subset": top, "lineage": lineage})
        with pytest.raises(InputError, match=words) as caught:
            prov.write(changed)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda data: data.replace(b"b.png", b"c.png"), CheckFailedError),
        (lambda data: data + b"d.png,,,,\n", CheckFailedError),
        (lambda data: data + b"d.png\n", InputError),
        (lambda data: data.replace(b"name", b"nome"), InputError),
        (lambda data: data + b"\xff,,,,\n", InputError),
        (lambda data: data + b'"d.png,,,,\n', InputError),
        (lambda _: b"", InputError),
    ],
)
@pytest.mark.parametrize("form", ProvForm)
def test_a_damaged_table_is_found_before_anything_is_said(
    nih: Provenance,
    tmp_path: Path,
    damage: Callable[[bytes], bytes],
    error: type[CxrcatError],
    form: ProvForm,
) -> None:
    changed, table = with_table(nih, tmp_path, ["a.png", "b.png"])
    table.write_bytes(damage(table.read_bytes()))
    with pytest.raises(error) as caught:
        next(provenance(changed, form, table=table))
    assert str(table) in str(caught.value)
    table.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        next(provenance(changed, form, table=table))
