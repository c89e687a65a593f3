"""The boxes of a slice: those of its images, all of them, with the duty that they bring."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO

from cxrcat.catalog import Catalog, Request
from cxrcat.schemas.errors import InputError

from ..checks import check_export, nih_boxes, rows_of
from . import small

NIH_COUNTS = {
    "Atelectasis": 180,
    "Effusion": 153,
    "Cardiomegaly": 146,
    "Infiltration": 123,
    "Pneumonia": 120,
    "Pneumothorax": 98,
    "Mass": 85,
    "Nodule": 79,
}


def table(folder: Path) -> list[tuple[str, ...]]:
    with (folder / "boxes.csv").open(encoding="utf-8", newline="") as stream:
        return [tuple(row) for row in csv.reader(stream)][1:]


def coco(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "boxes.coco.json").read_text("utf-8"))
    return document


def exported(catalog: Catalog, name: str, folder: Path) -> Path:
    catalog.export(Request(name, destination=folder))
    check_export(folder)
    return folder


def test_all_that_nih_drew(catalog: Catalog, tmp_path: Path) -> None:
    catalog.create_subset("boxed", "boxed()")
    folder = exported(catalog, "boxed", tmp_path / "boxed")
    boxes = table(folder)
    assert (len(boxes), len({box[0] for box in boxes})) == (984, 880)
    assert Counter(box[1] for box in boxes) == NIH_COUNTS
    with redirect_stdout(io.StringIO()):
        found = COCO(str(folder / "boxes.coco.json"))
    assert len(found.getImgIds()) == 880
    assert {
        label: len(found.getAnnIds(catIds=found.getCatIds(catNms=[label]))) for label in NIH_COUNTS
    } == NIH_COUNTS
    assert [each["id"] for each in found.dataset["categories"]] == list(range(1, 15))
    assert {(each["width"], each["height"]) for each in found.dataset["images"]} == {(1024, 1024)}
    names = [each["file_name"] for each in found.dataset["images"]]
    assert names == [row["name"] for row in rows_of(folder)]


def test_an_image_brings_its_boxes_of_other_findings_too(
    sqlite_location: str, tmp_path: Path
) -> None:
    with Catalog.open(sqlite_location) as catalog:
        folder = exported(catalog, "nodule", tmp_path / "nodule")
    names = {row["name"] for row in rows_of(folder)}
    boxes = [box for box in nih_boxes() if box[0] in names]
    assert [box[:2] for box in table(folder)] == [box[:2] for box in boxes]
    assert len({box[1] for box in boxes}) > 1


def test_a_slice_without_a_boxed_image_has_neither_file(
    sqlite_location: str, tmp_path: Path
) -> None:
    with Catalog.open(sqlite_location) as catalog:
        catalog.create_subset("plain", "hernia and not boxed()")
        catalog.create_subset("nobody", "false")
        for name in ("plain", "nobody"):
            folder = exported(catalog, name, tmp_path / name)
            assert not list(folder.glob("boxes*"))
            assert "boxes.csv" not in (folder / "README.md").read_text("utf-8")


def test_an_image_has_one_id_in_every_slice(sqlite_location: str, tmp_path: Path) -> None:
    with Catalog.open(sqlite_location) as catalog:
        ids = [
            {each["file_name"]: each["id"] for each in coco(folder)["images"]}
            for name in ("mass", "nodule")
            for folder in [exported(catalog, name, tmp_path / name)]
        ]
    both = ids[0].keys() & ids[1].keys()
    assert both
    assert all(ids[0][name] == ids[1][name] for name in both)


def ward(
    location: str, folder: Path, boxes: str | None = None, changes: dict[str, str] | None = None
) -> Catalog:
    """Open a catalog with the small dataset, its boxes replaced by `boxes`."""
    path = small.write(folder, changes=changes)
    if boxes is not None:
        (folder / "boxes.csv").write_text(f"Film,Said,X,Y,W,H\n{boxes}", encoding="utf-8")
    catalog = Catalog.open(location)
    catalog.add_dataset(path)
    catalog.create_subset("every", "true", dataset="ward")
    catalog.create_subset("some", "not boxed()", dataset="ward")
    return catalog


def test_boxes_bring_their_duty_where_there_are_some(location: str, tmp_path: Path) -> None:
    with ward(location, tmp_path / "dataset") as catalog:
        catalog.create_subset("women", "sex = 'F'", dataset="ward")
        for name, owed in (
            ("every", ["thanks", "box-paper"]),
            ("women", ["thanks", "box-paper"]),
            ("mass", ["thanks", "box-paper"]),
        ):
            manifest = check_export(exported(catalog, f"ward/{name}", tmp_path / name))
            assert [duty.id for duty in manifest.duties] == owed
            assert manifest.duties[1].because == ["boxes.csv holds Drawn boxes"]
            assert catalog.manifest(f"ward/{name}").duties == manifest.duties
            assert "10.5555/boxes" in coco(tmp_path / name)["info"]["citation"]
        catalog.create_subset("first", "in_subset(some) and not opacity", dataset="ward")
        because = (
            check_export(exported(catalog, "ward/first", tmp_path / "first")).duties[1].because
        )
        assert because == ["the subset some@1 reads `boxed()`"]


def test_numbers_are_written_in_full(location: str, tmp_path: Path) -> None:
    boxes = "film-02.png,spot,0.1,1e-7,200,253.5\nfilm-01.png,Mass,0,0,0.30000000000000004,256\n"
    with ward(location, tmp_path / "dataset", boxes) as catalog:
        folder = exported(catalog, "ward/every", tmp_path / "every")
    assert table(folder) == [
        ("film-01.png", "Mass", "0.0", "0.0", "0.30000000000000004", "256.0"),
        ("film-02.png", "Nodule", "0.1", "1e-07", "200.0", "253.5"),
    ]
    assert [each["bbox"] for each in coco(folder)["annotations"]] == [
        [0, 0, 0.30000000000000004, 256],
        [0.1, 1e-7, 200, 253.5],
    ]


def test_another_frame_is_scaled_to_the_released_images(location: str, tmp_path: Path) -> None:
    boxes = "film-01.png,Mass,100,200,300,400\n"
    changes = {"frame: [256, 256]": "frame: [512, 1024]"}
    with ward(location, tmp_path / "dataset", boxes, changes) as catalog:
        folder = exported(catalog, "ward/every", tmp_path / "every")
    assert table(folder) == [("film-01.png", "Mass", "50.0", "50.0", "150.0", "100.0")]


def test_two_tables_come_in_the_order_of_the_descriptor(location: str, tmp_path: Path) -> None:
    second = (
        "  - {slug: again, title: More, file: more.csv, name: Film, finding: Said,\n"
        "     first_coordinate: X, frame: [256, 256]}\n"
    )
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "more.csv").write_text(
        "Film,Said,X,Y,W,H\nfilm-01.png,Mass,3,3,3,3\nfilm-00.png,Mass,4,4,4,4\n"
    )
    boxes = "film-01.png,Mass,1,1,1,1\nfilm-01.png,Nothing,2,2,2,2\n"
    changes = {"    owes: [box-paper]\n": f"    owes: [box-paper]\n{second}"}
    with ward(location, tmp_path / "dataset", boxes, changes) as catalog:
        folder = exported(catalog, "ward/every", tmp_path / "every")
    assert [(box[0], box[2]) for box in table(folder)] == [
        ("film-00.png", "4.0"),
        ("film-01.png", "1.0"),
        ("film-01.png", "2.0"),
        ("film-01.png", "3.0"),
    ]
    categories = [each["name"] for each in coco(folder)["categories"]]
    assert categories == ["Mass", "Nodule", "Pleural_Thickening", "Airspace opacity", "Nothing"]


def test_an_image_that_is_not_boxed_is_said_to_be_unknown(
    sqlite_location: str, tmp_path: Path
) -> None:
    boxes = "film-01.png,Mass,1,1,1,1\n"
    with ward(sqlite_location, tmp_path / "dataset", boxes) as catalog:
        folder = exported(catalog, "ward/every", tmp_path / "every")
    assert coco(folder)["info"]["description"] == (
        "1 box on 1 of the 60 images of the subset every@1 of Films of a ward, release v1. An "
        "image of the slice that is not in this file has no box, which does not mean that it has "
        "no finding."
    )


def test_boxes_of_a_table_whose_duties_are_unknown_stop_the_export(
    sqlite_location: str, tmp_path: Path
) -> None:
    with ward(sqlite_location, tmp_path / "dataset") as catalog:
        with catalog._store.writing() as session:
            session.connection().exec_driver_sql("UPDATE box SET source = 'lost'")
        with pytest.raises(InputError, match="boxes 'lost' is used and is not in the descriptor"):
            catalog.export(Request("ward/every", destination=tmp_path / "every"))
    assert not (tmp_path / "every").exists()
