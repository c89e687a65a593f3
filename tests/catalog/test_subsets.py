"""Subsets: recorded once, immutable, versioned, and found by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlmodel import col, select

from cxrcat.catalog import Catalog
from cxrcat.catalog.query import QueryError
from cxrcat.catalog.subsets import SubsetInfo
from cxrcat.schemas.errors import NotFoundError, UsageError
from cxrcat.schemas.tables import Event


@pytest.fixture
def light(sqlite_location: str) -> Iterator[Catalog]:
    """A catalog on SQLite alone, where the database makes no difference."""
    with Catalog.open(sqlite_location) as opened:
        yield opened


def events(catalog: Catalog) -> list[tuple[str, str]]:
    with catalog._store.reading() as session:
        query = select(Event.kind, Event.subject).order_by(col(Event.id))
        return [(kind, subject) for kind, subject in session.exec(query)]


def test_what_is_recorded_of_a_subset(catalog: Catalog) -> None:
    found = catalog.create_subset("adults", "PNEUMOTHORAX and age > 17 and view='pa'", "for a test")
    assert found == catalog.subset("adults")
    assert (found.name, found.version, found.dataset) == ("adults", 1, "nih-chest-xray")
    assert found.dataset_version == "v2020"
    assert found.query == "PNEUMOTHORAX and age > 17 and view='pa'"
    assert found.normal == "age >= 18 and nih.pneumothorax and view = 'PA'"
    assert found.images == 3_269
    assert (found.note, found.by, found.built_in) == ("for a test", "tester", False)
    (read,) = found.reads
    assert (read["kind"], read["name"], read["word"]) == ("labels", "nih", "nih.pneumothorax")
    assert read["checksum"] == catalog.label_set("nih").checksum
    steps = [(step.condition, step.images_before, step.images) for step in found.funnel]
    assert steps == [
        ("nih.pneumothorax", 112_120, 5_302),
        ("age >= 18", 5_302, steps[1][2]),
        ("view = 'PA'", steps[1][2], 3_269),
    ]
    assert found.funnel[0].patients_before == 30_805
    assert found.funnel[0].patients == found.funnel[1].patients_before == 1_487
    assert found.funnel[-1].patients == found.patients


def test_the_same_question_is_recorded_once(catalog: Catalog) -> None:
    one = catalog.create_subset("mine", "mass and view = 'PA'")
    before = events(catalog)
    two = catalog.create_subset("mine", "VIEW = 'pa' and (mass)", "another note")
    assert two == one
    assert events(catalog) == before


def test_another_question_is_a_new_version_and_the_old_one_stays(catalog: Catalog) -> None:
    one = catalog.create_subset("mine", "mass")
    two = catalog.create_subset("mine", "nodule")
    three = catalog.create_subset("mine", "mass")
    assert [each.version for each in (one, two, three)] == [1, 2, 3]
    assert three.digest == one.digest != two.digest
    assert catalog.subset("mine") == three
    assert catalog.subset("mine@1") == one
    assert catalog.subset("mine@2") == two
    assert catalog.subset("mine@3") == three
    assert [each.version for each in catalog.subsets() if each.name == "mine"] == [3]
    assert events(catalog)[-3:] == [("subset.created", f"mine@{number}") for number in (1, 2, 3)]


def test_another_question_with_the_same_answer_is_a_new_version(light: Catalog) -> None:
    one = light.create_subset("mine", "view = 'PA'")
    two = light.create_subset("mine", "not view = 'AP'")
    assert (one.digest, two.version) == (two.digest, 2)


def test_a_subset_of_a_subset_is_pinned_to_its_version(light: Catalog) -> None:
    light.create_subset("base", "mass")
    cut = light.create_subset("cut", "in_subset(base) and view = 'PA'")
    light.create_subset("base", "nodule")
    assert cut.normal == "in_subset('base@1') and view = 'PA'"
    assert cut.reads == ({"kind": "subset", "name": "base@1", "word": "in_subset('base@1')"},)
    assert light.subset("cut") == cut
    again = light.create_subset("cut", "in_subset(base) and view = 'PA'")
    assert (again.version, again.normal) == (2, "in_subset('base@2') and view = 'PA'")
    assert light.create_subset("old", cut.normal).digest == cut.digest


def test_the_built_in_subsets_are_marked(light: Catalog) -> None:
    found = light.subset("pleural-thickening")
    assert found.built_in
    assert (found.query, found.normal) == ("pleural_thickening", "nih.pleural_thickening")
    assert light.create_subset("pleural-thickening", "pleural_thickening") == found


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mass",
        "a b",
        "../x",
        "-a",
        ".a",
        "_a",
        "a/b",
        "a@1",
        "a" * 81,
        "ü",
        "a\n",
        "a\0",
        "\udcff",
    ],
)
def test_a_bad_name_is_refused(light: Catalog, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a subset; use lower-case") as caught:
        light.create_subset(name, "mass")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", ["a", "0", "a.b-c_d", "a" * 80])
def test_a_good_name_is_taken(light: Catalog, name: str) -> None:
    assert light.create_subset(name, "hernia").name == name


def test_a_note_has_2000_characters_that_can_be_written(catalog: Catalog) -> None:
    assert catalog.create_subset("long", "hernia", "ü" * 2000).note == "ü" * 2000
    assert catalog.create_subset("lines", "hernia", "one\ntwo\tthree").note == "one\ntwo\tthree"
    with pytest.raises(UsageError, match="the note has 2001 characters; 2000 are allowed"):
        catalog.create_subset("longer", "hernia", "ü" * 2001)
    for note in ("a\0b", "a\udcffb", "\x1b[2J"):
        with pytest.raises(UsageError, match="the note holds a character that cannot be printed"):
            catalog.create_subset("odd", "hernia", note)
    with pytest.raises(NotFoundError):
        catalog.subset("odd")


def test_a_bad_question_leaves_nothing(light: Catalog) -> None:
    before = events(light)
    with pytest.raises(QueryError):
        light.create_subset("bad", "pneumotorax")
    with pytest.raises(QueryError, match="unknown subset 'nope'"):
        light.create_subset("bad", "in_subset(nope)")
    with pytest.raises(QueryError, match="has no version '7'; its versions are 1 to 1"):
        light.create_subset("bad", "in_subset('mass@7')")
    assert events(light) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pneumotorax", "unknown subset 'pneumotorax'; did you mean pneumothorax or "),
        ("Pleural_Thickening", "unknown subset 'Pleural_Thickening'; did you mean pleural-thick"),
        ("xyzzy", "unknown subset 'xyzzy'; known: atelectasis, cardiomegaly"),
        ("mass@2", "the subset 'mass' has no version '2'; its versions are 1 to 1"),
        ("mass@0", "the subset 'mass' has no version '0'"),
        ("mass@", "the subset 'mass' has no version ''"),
        ("mass@x", "the subset 'mass' has no version 'x'"),
        ("mass@²", "the subset 'mass' has no version '²'"),
        ("mass@" + "9" * 30, "the subset 'mass' has no version '99999"),
        ("nih/mass", "unknown dataset 'nih'; known: nih-chest-xray"),
        ("nih-chest-xray@v1/mass", "unknown dataset 'nih-chest-xray@v1'"),
        ("", "unknown subset ''"),
        ("a\0b", r"unknown subset 'a\x00b'"),
        ("\udcff", r"unknown subset '\udcff'"),
        ("mass@\udcff", r"the subset 'mass' has no version '\udcff'"),
        ("x" * 5000, "unknown subset 'xxx"),
    ],
)
def test_an_unknown_subset_is_answered_with_the_known(
    shared: Catalog, name: str, message: str
) -> None:
    with pytest.raises(NotFoundError) as caught:
        shared.subset(name)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "name", ["mass", "mass@1", "nih-chest-xray/mass", "nih-chest-xray@v2020/mass@1"]
)
def test_a_subset_is_found_by_its_names(light: Catalog, name: str) -> None:
    found: SubsetInfo = light.subset(name)
    assert (found.name, found.version, found.images) == ("mass", 1, 5_782)
