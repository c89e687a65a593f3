"""Bringing a dataset in: what is written, and that whatever is wrong leaves nothing behind."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from cxrcat.catalog import Catalog
from cxrcat.catalog.checksums import of_file
from cxrcat.schemas.errors import CatalogError, InputError
from cxrcat.schemas.tables import Box, Dataset, Event, Facet, Finding, Image, PatientIndex

from . import small


@pytest.fixture
def light(sqlite_location: str) -> Iterator[Catalog]:
    with Catalog.open(sqlite_location) as opened:
        yield opened


def sizes(catalog: Catalog) -> dict[str, int]:
    with catalog._store.reading() as session:
        return {
            name: session.connection().scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for name, table in SQLModel.metadata.tables.items()
        }


def test_every_image_label_box_and_index_is_written(catalog: Catalog, tmp_path: Path) -> None:
    before = sizes(catalog)
    rows = small.films()
    path = small.write(tmp_path, rows)
    catalog.add_dataset(path)
    with catalog._store.reading() as session:
        dataset = session.exec(select(Dataset).where(Dataset.slug == "ward")).one()
        query = select(Image).where(Image.dataset_id == dataset.id).order_by(col(Image.ordinal))
        images = session.exec(query).all()
        boxes = session.exec(select(Box).where(Box.dataset_id == dataset.id)).all()
        event = session.exec(select(Event).where(Event.kind == "dataset.ingested")).all()[-1]
    fields = [name for name in rows[0] if name not in ("patient", "said", "boxes", "subsets")]
    for ordinal, (image, row) in enumerate(zip(images, rows, strict=True)):
        assert image.ordinal == ordinal
        assert image.patient == str(row["patient"])
        assert {name: getattr(image, name) for name in fields} == {
            name: row[name] for name in fields
        }
    drawn = {(box.ordinal, box.finding) for box in boxes}
    assert drawn == {(place, each) for place, row in enumerate(rows) for each in row["boxes"]}
    assert {(box.x, box.y, box.width, box.height) for box in boxes} == {(1, 2.5, 200, 253.5)}
    assert dataset.table_checksum == str(of_file(tmp_path / "films.csv"))
    assert dataset.descriptor_checksum == str(of_file(path))
    assert event.subject == "ward@v1"
    assert event.detail == {
        "images": 60,
        "patients": 5,
        "table": "films.csv",
        "checksum": dataset.table_checksum,
    }
    assert sizes(catalog)["finding"] == before["finding"] + 5
    assert catalog.health().problems == ()


def test_the_order_of_the_rows_does_not_matter(light: Catalog, tmp_path: Path) -> None:
    for slug, reverse in (("one", False), ("two", True)):
        path = small.write(tmp_path / slug, changes={"slug: ward": f"slug: {slug}"})
        table = tmp_path / slug / "films.csv"
        header, *lines = table.read_text("utf-8").splitlines()
        table.write_text("\n".join([header, *sorted(lines, reverse=reverse)]), "utf-8")
        light.add_dataset(path)
    with light._store.reading() as session:
        query = select(Dataset).where(col(Dataset.slug).in_(["one", "two"]))
        one, two = session.exec(query).all()
        assert one.names_checksum == two.names_checksum
        assert one.table_checksum != two.table_checksum
        for model in (Facet, PatientIndex):
            table_of = model.__table__  # type: ignore[attr-defined]
            columns = [column for column in table_of.columns if column.name != "dataset_id"]
            found = [
                set(session.connection().execute(sa.select(*columns).where(
                    table_of.c.dataset_id == each.id)))
                for each in (one, two)
            ]  # fmt: skip
            assert found[0] == found[1]
    digests = [{each.name: each.digest for each in light.subsets(slug)} for slug in ("one", "two")]
    assert digests[0] == digests[1]


def test_a_table_may_be_compressed(light: Catalog, tmp_path: Path) -> None:
    path = small.write(tmp_path)
    for name in ("films.csv", "boxes.csv"):
        (tmp_path / name).write_bytes(gzip.compress((tmp_path / name).read_bytes()))
    assert light.add_dataset(path)[0].images == 60


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("labels: text\n", "labels: text\n      checksum: xxh128:" + "0" * 32 + "\n",
         "the descriptor expects xxh128:0000"),
        ('released: "2024"', 'released: "2024"\n    images: 61',
         "has 60 images, the descriptor states 61"),
        ('released: "2024"', 'released: "2024"\n    patients: 4',
         "has 5 patients, the descriptor states 4"),
        ("file: films.csv", "file: nothing.csv", "nothing.csv: cannot be read: No such file"),
        ("age: [Age]", "age: [Years]", "films.csv:1: the column 'Years' is missing"),
        ('"1": M, ', "", "sex is '1', expected one of 2"),
        ("label: Airspace opacity", "label: Haze", "unknown finding 'AIRSPACE OPACITY'"),
        ('separator: ";"', 'separator: "|"', "unknown finding"),
        ("finding: Said", "finding: What", "boxes.csv:1: the column 'What' is missing"),
        ("first_coordinate: X", "first_coordinate: H", "a box is four numbers"),
        ("frame: [256, 256]", "frame: [200, 256]", "the box lies outside the image's frame"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_descriptor_leaves_nothing(
    shared: Catalog, tmp_path: Path, old: str, new: str, message: str
) -> None:
    before = sizes(shared)
    path = small.write(tmp_path, changes={old: new})
    with pytest.raises(InputError) as caught:
        shared.add_dataset(path)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert sizes(shared) == before
    assert shared.health().problems == ()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["no.png", "Mass", "1", "1", "2", "2"], "boxes.csv:2: 'no.png' is not an image of the"),
        (["film-00.png", "Masss", "1", "1", "2", "2"], "boxes.csv:2: unknown finding 'Masss'; did"),
        (["film-00.png", "Mass", "1", "x", "2", "2"], "boxes.csv:2: a box is four numbers"),
        (["film-00.png", "Mass", "1", "", "2", "2"], "boxes.csv:2: a box is four numbers"),
        (["film-00.png", "Mass", "nan", "1", "2", "2"], "boxes.csv:2: the box lies outside"),
        (["film-00.png", "Mass", "1", "1", "inf", "2"], "boxes.csv:2: the box lies outside"),
        (["film-00.png", "Mass", "-1", "1", "2", "2"], "boxes.csv:2: the box lies outside"),
        (["film-00.png", "Mass", "1", "1", "0", "2"], "boxes.csv:2: the box lies outside"),
        (["film-00.png", "Mass", "200", "1", "57", "2"], "boxes.csv:2: the box lies outside"),
        (["film-00.png", "Mass", "1", "1"], "boxes.csv:2: has 4 cells, expected 6"),
    ],
)
def test_a_wrong_box_is_named_with_its_line(
    light: Catalog, tmp_path: Path, row: list[str], message: str
) -> None:
    path = small.write(tmp_path)
    with (tmp_path / "boxes.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["Film", "Said", "X", "Y", "W", "H"], row])
    with pytest.raises(InputError) as caught:
        light.add_dataset(path)
    assert message in str(caught.value)
    assert [each.slug for each in light.datasets()] == ["nih-chest-xray"]


def test_labels_that_are_not_in_the_table_are_not_there(light: Catalog, tmp_path: Path) -> None:
    rows = [row for row in small.films() if ("text", "opacity") not in row["said"]]
    light.add_dataset(small.write(tmp_path, rows))
    assert "opacity" not in {finding for _, finding, _, _ in light.findings("ward")}
    assert light.subset("ward/opacity").images == 0
    with light._store.reading() as session:
        assert session.exec(select(Finding).where(Finding.name == "opacity")).all() == []


def test_the_indexes_are_there_after_the_images_were_written(
    catalog: Catalog, tmp_path: Path
) -> None:
    catalog.add_dataset(small.write(tmp_path))
    with catalog._store.reading() as session:
        found = {each["name"] for each in sa.inspect(session.connection()).get_indexes("image")}
    assert found == {"image_name", "image_patient"}
    with pytest.raises(CatalogError), catalog._store.writing() as session:
        session.execute(sa.update(Image).where(Image.ordinal == 1).values(name="film-00.png"))
