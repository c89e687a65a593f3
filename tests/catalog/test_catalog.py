"""The catalog as a user of the Python API meets it, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

from cxrcat.catalog import Catalog, Request, events
from cxrcat.schemas.errors import CatalogError
from cxrcat.schemas.tables import Event, Finding, Subset

from ..checks import check_export

COUNTS = {
    "no-finding": 60_361,
    "infiltration": 19_894,
    "effusion": 13_317,
    "atelectasis": 11_559,
    "nodule": 6_331,
    "mass": 5_782,
    "pneumothorax": 5_302,
    "consolidation": 4_667,
    "pleural-thickening": 3_385,
    "cardiomegaly": 2_776,
    "emphysema": 2_516,
    "edema": 2_303,
    "fibrosis": 1_686,
    "pneumonia": 1_431,
    "hernia": 227,
}


def test_the_findings_are_subsets_from_the_start(catalog: Catalog) -> None:
    assert {each.name: each.images for each in catalog.subsets()} == COUNTS
    assert catalog.subset("pneumothorax").patients == 1_487


@pytest.mark.parametrize(
    ("where", "images"),
    [
        ("pneumothorax and view = 'PA'", 3_407),
        ("pneumothorax and view = 'PA' and age >= 18", 3_269),
        ("sex = 'M'", 63_340),
        ("sex <> 'M'", 48_780),
        ("view = 'AP'", 44_810),
        ("boxed()", 880),
        ("findings = 0", 60_361),
        ("findings >= 9", None),
        ("patient = 1", 3),
        ("patient between 1 and 2", 4),
        ("name = '00000001_000.png'", 1),
        ("width is null", 0),
        ("true", 112_120),
        ("false", 0),
    ],
)
def test_questions_on_the_real_metadata(catalog: Catalog, where: str, images: int | None) -> None:
    found = catalog.create_subset("asked", where)
    if images is not None:
        assert found.images == images
    assert found.images == found.funnel[-1].images == sum(1 for _ in catalog.images("asked"))


def test_a_digest_is_the_same_on_both_databases(
    sqlite_location: str, request: pytest.FixtureRequest
) -> None:
    create = request.getfixturevalue("postgresql")
    other = create(request.getfixturevalue("postgresql_template"))
    where = "(effusion or mass) and not infiltration and age between 18 and 65"
    answers = []
    for place in (sqlite_location, other):
        with Catalog.open(place) as catalog:
            catalog.create_subset("same", where)
            answers.append({each.name: each.digest for each in catalog.subsets()})
    assert answers[0] == answers[1]


def test_an_export_from_either_database_keeps_every_promise(
    catalog: Catalog, tmp_path: Path
) -> None:
    manifest, plan = catalog.export(Request("edema", destination=tmp_path / "edema"))
    assert check_export(plan.destination) == manifest.model_copy(
        update={"files": check_export(plan.destination).files}
    )
    found = catalog.verify(plan.destination)
    assert (found.ok, found.recorded) == (True, True)
    assert [each.state for each in catalog.exports()] == ["published"]


def test_the_log_is_a_chain(catalog: Catalog) -> None:
    catalog.create_subset("one", "mass")
    catalog.create_subset("two", "nodule")
    opened = catalog._store
    with opened.reading() as session:
        assert events.first_broken(session) is None
        numbers = [event.id for event in session.exec(select(Event).order_by(Event.id))]
    for number in numbers[1:-1:5]:
        with opened.writing() as session:
            session.execute(sa.update(Event).where(Event.id == number).values(by="mallory"))
            assert events.first_broken(session) == number
            session.rollback()
        with opened.writing() as session:
            session.execute(sa.delete(Event).where(Event.id == number))
            assert events.first_broken(session) == number + 1
            session.rollback()


def test_foreign_keys_hold(catalog: Catalog) -> None:
    with pytest.raises(CatalogError), catalog._store.writing() as session:
        session.add(Finding(label_set_id=999, name="x", state="present", images=0, members=b""))


def test_a_damaged_bitmap_is_one_clear_line(catalog: Catalog) -> None:
    with catalog._store.writing() as session:
        session.execute(sa.update(Subset).where(Subset.name == "mass").values(members=b"junk"))
    with pytest.raises(CatalogError, match="bitmap of the catalog is damaged"):
        list(catalog.images("mass"))
