"""The check of a whole catalog says what is there, what is missing and what is damaged."""

from __future__ import annotations

import importlib.util
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from pyroaring import BitMap

from cxrcat.catalog import Catalog, Request, health
from cxrcat.catalog.bitmaps import dump
from cxrcat.schemas.tables import (
    Box,
    Dataset,
    Event,
    Facet,
    Finding,
    Image,
    PatientIndex,
    Subset,
)


def test_a_sound_catalog_has_no_problems(catalog: Catalog) -> None:
    found = catalog.health()
    assert found.problems == ()
    assert found.datasets == ("nih-chest-xray@v2020: 112,120 images of 30,805 patients",)
    assert (found.subsets, found.exports) == (15, 0)
    assert found.events == 16
    assert found.catalog == catalog.name
    name, _, version = found.database.partition(" ")
    assert name in ("sqlite", "postgresql")
    assert version
    assert (found.size is None) == (name == "postgresql")


@pytest.mark.parametrize(
    ("module", "extra"),
    [("psycopg", "postgresql"), ("matplotlib", "plot"), ("distributed", "cluster")],
)
def test_an_absent_extra_is_named(
    sqlite_location: str, monkeypatch: pytest.MonkeyPatch, module: str, extra: str
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(health, "find_spec", lambda name: None if name == module else real(name))
    with Catalog.open(sqlite_location) as catalog:
        assert catalog.health().absent == (f"{module} (pip install 'cxrcat[{extra}]')",)


def test_an_altered_log_is_a_problem(catalog: Catalog) -> None:
    with catalog._store.writing() as session:
        session.execute(sa.update(Event).where(Event.id == 5).values(by="mallory"))
    (problem,) = catalog.health().problems
    assert problem == "the event log was altered at entry 5; restore it from a backup"


def test_an_export_that_went_away_is_a_problem(catalog: Catalog, tmp_path: Path) -> None:
    manifest, plan = catalog.export(Request("hernia", destination=tmp_path / "hernia"))
    assert catalog.health().problems == ()
    shutil.rmtree(plan.destination)
    (problem,) = catalog.health().problems
    assert problem == f"the export {manifest.export.id} is no longer at {plan.destination}"


def test_a_damaged_page_is_a_problem(sqlite_location: str) -> None:
    with Catalog.open(sqlite_location) as catalog:
        catalog.subsets()
    path = Path(sqlite_location)
    data = bytearray(path.read_bytes())
    page = 4096 * (len(data) // 4096 // 2)  # in the middle of the table of images
    data[page : page + 64] = b"\xff" * 64
    path.write_bytes(data)
    with Catalog.open(sqlite_location) as catalog:
        problems = catalog.health().problems
    assert len(problems) == 1
    assert problems[0].startswith("the database is damaged: ")
    assert problems[0].isprintable()


def test_a_damaged_membership_is_a_problem(catalog: Catalog) -> None:
    with catalog._store.writing() as session:
        session.execute(sa.update(Subset).where(Subset.name == "mass").values(members=b"junk"))
    assert any("mass@1" in problem for problem in catalog.health().problems)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            sa.update(Finding).where(Finding.name == "mass").values(images=7),
            "the members of the finding nih mass present are damaged (5,782 images where 7 were",
        ),
        (
            sa.update(Finding).where(Finding.name == "mass").values(members=dump(BitMap([200000]))),
            "the members of the finding nih mass present are damaged (image 200,000 of 112,120)",
        ),
        (
            sa.update(Subset).where(Subset.name == "mass").values(images=7),
            "the members of mass@1 are damaged (5,782 images where 7 were recorded)",
        ),
        (
            sa.update(Subset)
            .where(Subset.name == "hernia")
            .values(members=dump(BitMap(range(227)))),
            "the members of hernia@1 are damaged (another digest than the recorded one)",
        ),
        (
            sa.update(Facet).where(Facet.field == "sex", Facet.value == "F").values(members=b"x"),
            "the members of sex = 'F' are damaged (no bitmap)",
        ),
        (
            sa.update(PatientIndex).values(ranks=b"1234"),
            "the index of the patients of nih-chest-xray@v2020 is damaged",
        ),
        (
            sa.update(Box).where(Box.number == 3).values(ordinal=112_120),
            "1 rows of box name no image of nih-chest-xray@v2020",
        ),
        (
            sa.delete(Image).where(Image.ordinal == 5),
            "nih-chest-xray@v2020 has 112,119 images where 112,120 were recorded",
        ),
        (
            sa.update(Dataset).values(images=112_121),
            "nih-chest-xray@v2020 has 112,120 images where 112,121 were recorded",
        ),
    ],
)
def test_each_damage_is_named(catalog: Catalog, statement: sa.Executable, words: str) -> None:
    with catalog._store.writing() as session:
        session.connection().execute(statement)
    problems = catalog.health().problems
    assert any(each.startswith(words) for each in problems), problems
    assert all(each.endswith("restore it from a backup") for each in problems)


def test_a_row_that_refers_to_nothing_is_a_problem(sqlite_location: str) -> None:
    with closing(sqlite3.connect(sqlite_location)) as connection, connection:
        connection.execute("UPDATE label_set SET dataset_id = 77")
    with Catalog.open(sqlite_location) as catalog:
        (problem,) = catalog.health().problems
    assert problem.startswith("the database is damaged: rows of label_set name no row of dataset")
