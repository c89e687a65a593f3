"""The datasets in a catalog: those built in, kept at their newest text, and those added."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlmodel import col, select

from cxrcat.catalog import Catalog, Request, datasets
from cxrcat.schemas.errors import CatalogError, InputError, NotFoundError
from cxrcat.schemas.tables import Event

from ..checks import check_export
from . import small

OWN = datasets.read_descriptor(datasets.BUILT_IN / "nih-chest-xray" / "dataset.yaml").revision
REVISION, NEWER = f"revision: {OWN} ", f"revision: {OWN + 1} "
OLD_TITLE = "title: NIH Chest X-ray Dataset (ChestX-ray14)"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder of built-in datasets, used in its place; returns NIH's descriptor."""
    folder = tmp_path / "datasets"
    shutil.copytree(datasets.BUILT_IN, folder)
    monkeypatch.setattr(datasets, "BUILT_IN", folder)
    return folder / "nih-chest-xray" / "dataset.yaml"


def change(path: Path, *pairs: tuple[str, str]) -> None:
    text = path.read_text("utf-8")
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, "utf-8")


def log(catalog: Catalog) -> list[str]:
    with catalog._store.reading() as session:
        return list(session.exec(select(col(Event.kind)).order_by(col(Event.id))))


def described(catalog: Catalog) -> int:
    return log(catalog).count("dataset.described")


def test_a_newer_text_is_taken(location: str, package: Path) -> None:
    change(package, (REVISION, NEWER), (OLD_TITLE, "title: A newer title"))
    with Catalog.open(location) as catalog:
        assert catalog.datasets()[0].title == "A newer title"
        assert catalog.descriptor().title == "A newer title"
        assert catalog.descriptor().revision == OWN + 1
        assert described(catalog) == 1
        assert catalog.subset("mass").images == 5_782
    with Catalog.open(location) as catalog:
        assert described(catalog) == 1
        assert catalog.health().problems == ()


def test_another_text_of_the_same_revision_is_not_taken(
    sqlite_location: str, package: Path
) -> None:
    change(package, (OLD_TITLE, "title: Another title"))
    with Catalog.open(sqlite_location) as catalog:
        assert catalog.datasets()[0].title == "NIH Chest X-ray Dataset (ChestX-ray14)"
        assert described(catalog) == 0


def test_an_older_package_does_not_take_the_text_back(sqlite_location: str, package: Path) -> None:
    change(package, (REVISION, NEWER), (OLD_TITLE, "title: The third"))
    Catalog.open(sqlite_location).close()
    change(package, (NEWER, REVISION), ("title: The third", "title: The second"))
    with Catalog.open(sqlite_location) as catalog:
        assert catalog.descriptor().title == "The third"
        assert described(catalog) == 1


def test_a_catalog_that_cannot_be_written_is_read_all_the_same(
    sqlite_location: str, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cxrcat.catalog import store
    from cxrcat.schemas.errors import CatalogError

    def refuse(_self: object) -> None:
        raise CatalogError("no rights")

    change(package, (REVISION, NEWER), (OLD_TITLE, "title: A newer title"))
    monkeypatch.setattr(store.Store, "writing", refuse)
    with Catalog.open(sqlite_location) as catalog:
        assert catalog.descriptor().revision == OWN


def test_an_added_dataset_stands_beside_the_built_in_one(catalog: Catalog, tmp_path: Path) -> None:
    (added,) = catalog.add_dataset(small.write(tmp_path))
    assert (added.slug, added.version, added.images, added.patients) == ("ward", "v1", 60, 5)
    assert added.label_sets == ("text",)
    assert [each.slug for each in catalog.datasets()] == ["nih-chest-xray", "ward"]
    assert {each.name for each in catalog.subsets("ward")} == {
        *("mass", "nodule", "pleural-thickening", "opacity", "clear"),
    }
    rows = small.films()
    assert catalog.findings("ward") == [
        ("text", name, "present", sum(("text", name) in row["said"] for row in rows))
        for name in sorted(small.FINDINGS)
    ]
    assert catalog.subset("mass").images == 5_782
    assert catalog.subset("ward/mass").images < 60


def test_a_dataset_is_found_by_its_names(catalog: Catalog, tmp_path: Path) -> None:
    catalog.add_dataset(small.write(tmp_path))
    for name in ("ward", "ward@v1"):
        assert catalog.descriptor(name).slug == "ward"
    assert catalog.descriptor().slug == "nih-chest-xray"
    with pytest.raises(NotFoundError, match="unknown dataset 'wart'; did you mean ward"):
        catalog.descriptor("wart")
    with pytest.raises(NotFoundError, match="unknown dataset 'ward@v2'"):
        catalog.subsets("ward@v2")


def test_a_dataset_comes_in_once_and_a_failure_leaves_nothing(
    catalog: Catalog, tmp_path: Path
) -> None:
    path = small.write(tmp_path, changes={"file: boxes.csv": "file: no-boxes.csv"})
    with pytest.raises(InputError, match=r"no-boxes.csv: cannot be read: No such file"):
        catalog.add_dataset(path)
    assert [each.slug for each in catalog.datasets()] == ["nih-chest-xray"]
    path = small.write(tmp_path)
    catalog.add_dataset(path)
    added = log(catalog)
    assert [each.version for each in catalog.add_dataset(path)] == ["v1"]
    assert log(catalog) == added
    assert catalog.health().problems == ()


def test_a_file_that_was_changed_is_read_again(sqlite_location: str, tmp_path: Path) -> None:
    path = small.write(tmp_path, changes={"slug: ward": "slug: one"})
    with Catalog.open(sqlite_location) as catalog:
        catalog.add_dataset(path)
        small.write(tmp_path, changes={"slug: ward": "slug: two"})
        catalog.add_dataset(path)
        assert [each.slug for each in catalog.datasets()] == ["nih-chest-xray", "one", "two"]


def test_two_releases_of_one_dataset(catalog: Catalog, tmp_path: Path) -> None:
    text = small.DESCRIPTOR
    first = text[text.index("  - version: v1") : text.index("boxes:\n")]
    second = first.replace("version: v1", "version: v2").replace("films.csv", "more.csv")
    path = small.write(
        tmp_path, changes={first: first + second, "version: v1\nvers": "version: v2\nvers"}
    )
    small.write(tmp_path / "more", small.films(40))
    (tmp_path / "more" / "films.csv").rename(tmp_path / "more.csv")
    (tmp_path / "more" / "boxes.csv").replace(tmp_path / "boxes.csv")
    found = catalog.add_dataset(path)
    assert [(each.version, each.images, each.is_default) for each in found] == [
        ("v1", 60, False),
        ("v2", 40, True),
    ]
    every = [catalog.create_subset("every", "true", dataset=name) for name in ("ward", "ward@v1")]
    assert [(each.dataset_version, each.images) for each in every] == [("v2", 40), ("v1", 60)]
    assert catalog.subset("ward/every").images == 40
    assert catalog.subset("ward@v1/every").images == 60


@pytest.mark.parametrize(
    ("where", "duties"),
    [
        ("mass", ["thanks", "box-paper"]),
        ("boxed(nodule)", ["thanks", "box-paper"]),
        ("boxed()", ["thanks", "box-paper"]),
        ("mass or absent(panel.mass)", ["thanks", "box-paper", "panel-paper"]),
        ("panel.findings < 1 and not boxed()", ["thanks", "box-paper", "panel-paper"]),
        ("in_subset(drawn) and mass", ["thanks", "box-paper"]),
    ],
)
def test_an_export_of_an_added_dataset_owes_what_it_used(
    sqlite_location: str, tmp_path: Path, where: str, duties: list[str]
) -> None:
    with Catalog.open(sqlite_location) as catalog:
        rows = small.labelled_films()
        catalog.add_dataset(small.write(tmp_path / "ward", rows))
        catalog.add_labels("panel", [small.write_labels(tmp_path / "labels", rows)[0]], "ward")
        catalog.create_subset("drawn", "boxed(mass) or opacity", dataset="ward")
        catalog.create_subset("asked", where, dataset="ward")
        manifest, plan = catalog.export(Request("ward/asked", destination=tmp_path / "asked"))
        assert [duty.id for duty in manifest.duties] == duties
        assert check_export(plan.destination) == manifest.model_copy(
            update={"files": check_export(plan.destination).files}
        )
        assert catalog.verify(plan.destination).ok


def test_a_descriptor_of_a_newer_cxrcat_is_refused_in_one_line(catalog: Catalog) -> None:
    with catalog._store.writing() as session:
        row = datasets.find(session)
        row.descriptor = row.descriptor.replace('"format"', '"tomorrow": 1, "format"', 1)
        session.add(row)
    with pytest.raises(CatalogError, match=r"nih-chest-xray: .*upgrade cxrcat"):
        catalog.descriptor()
