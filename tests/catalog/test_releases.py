"""Releases: recognised, brought in once, corrected under a name of their own, or refused."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from cxrcat.catalog import Catalog, NewUse, Request
from cxrcat.catalog.checksums import of_file
from cxrcat.catalog.datasets import BUILT_IN, descriptor_of, find
from cxrcat.catalog.impact import Target
from cxrcat.catalog.ingest import refresh_descriptor
from cxrcat.catalog.releases import Arrival
from cxrcat.catalog.withdrawals import Withdraw
from cxrcat.schemas.errors import CxrcatError, InputError, NotFoundError, UsageError
from cxrcat.schemas.tables import Box, Event, Image

from ..checks import check_export
from . import generations, small
from .generations import FIRST, RELEASES, old_table


@pytest.fixture
def light(sqlite_location: str) -> Iterator[Catalog]:
    with Catalog.open(sqlite_location) as opened:
        yield opened


@pytest.fixture
def ward(catalog: Catalog, tmp_path: Path) -> Catalog:
    catalog.add_dataset(small.write(tmp_path / "ward", changes=RELEASES))
    return catalog


@pytest.fixture
def light_ward(light: Catalog, tmp_path: Path) -> Catalog:
    light.add_dataset(small.write(tmp_path / "ward", changes=RELEASES))
    return light


def sizes(catalog: Catalog) -> dict[str, int]:
    with catalog._store.reading() as session:
        return {
            name: session.connection().scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for name, table in SQLModel.metadata.tables.items()
        }


def ingested(catalog: Catalog) -> Event:
    with catalog._store.reading() as session:
        query = select(Event).where(Event.kind == "dataset.ingested")
        return session.exec(query.order_by(col(Event.id))).all()[-1]


def versions(catalog: Catalog, slug: str) -> list[tuple[str, bool, bool]]:
    return [(each.version, each.here, each.is_default) for each in catalog.releases(slug)]


def test_releases_that_are_known_and_not_here(catalog: Catalog) -> None:
    found = {each.version: each for each in catalog.releases()}
    assert list(found) == ["v2020", "v2017-09", "v2017-11"]
    assert (found["v2020"].here, found["v2020"].is_default) == (True, True)
    assert found["v2020"].label_sets == ("nih",)
    for name in ("v2017-09", "v2017-11"):
        each = found[name]
        assert (each.here, each.is_default, each.ingested_at) == (False, False, None)
        assert (each.images, each.patients) == (112_120, 30_805)
        assert "Data_Entry_2017.csv" in (each.access or "")
    assert [each.version for each in catalog.datasets()] == ["v2020"]
    with pytest.raises(NotFoundError, match="unknown dataset 'nih'"):
        catalog.releases("nih")


def test_what_does_not_ship_is_not_looked_for(ward: Catalog) -> None:
    assert versions(ward, "ward") == [("v1", True, True), ("v0", False, False)]


def test_the_release_is_recognised_and_written_whole(ward: Catalog, tmp_path: Path) -> None:
    table = old_table(tmp_path)
    found = ward.ingest_release("ward", table)
    drawn = sum(len(row["boxes"]) for row in small.films())
    assert found == Arrival(
        dataset="ward",
        version="v0",
        like="v0",
        changed=True,
        images=60,
        patients=5,
        checksum=str(of_file(table)),
        boxes=drawn,
        boxes_left_out=0,
    )
    assert versions(ward, "ward") == [("v1", True, True), ("v0", True, False)]
    old = {each.name: each for each in ward.subsets("ward@v0")}
    new = {each.name: each for each in ward.subsets("ward")}
    assert set(old) == {name.replace("_", "-") for name in small.FINDINGS}
    assert {name: each.digest for name, each in old.items()} == {
        name: each.digest for name, each in new.items()
    }
    assert ward.subset("ward@v0/mass@1").dataset_version == "v0"
    assert ward.subset("ward/mass").dataset_version == "v1"
    asked = ward.create_subset("ancient", "age > 100 and boxed() or age > 100", dataset="ward@v0")
    assert asked.images == 1
    assert ward.create_subset("ancient", "age > 100", dataset="ward").images == 0
    event = ingested(ward)
    assert (event.subject, event.by) == ("ward@v0", "tester")
    assert event.detail["table"] == "old.csv"
    assert event.detail["checksum"] == found.checksum
    assert ward.health().problems == ()


def test_the_boxes_are_around_the_same_images(light_ward: Catalog, tmp_path: Path) -> None:
    def boxes(version: str) -> list[tuple[object, ...]]:
        with light_ward._store.reading() as session:
            dataset = find(session, f"ward@{version}")
            query = select(Box).where(Box.dataset_id == dataset.id).order_by(col(Box.number))
            return [
                (each.ordinal, each.finding, each.x, each.height) for each in session.exec(query)
            ]

    light_ward.ingest_release("ward@v0", old_table(tmp_path))
    assert boxes("v0") == boxes("v1") != []


def test_impact_reaches_every_release(light_ward: Catalog, tmp_path: Path) -> None:
    light_ward.ingest_release("ward@v0", old_table(tmp_path))
    name = small.films()[0]["name"]
    for release in ("v0", "v1"):
        light_ward.create_subset("all", "age >= 0", dataset=f"ward@{release}")
        light_ward.add_project(f"study-{release}")
        light_ward.record_use(NewUse(f"study-{release}", "training", subset=f"ward@{release}/all"))
    found = light_ward.impact(Target(image=name, dataset="ward"))
    assert (found.images, found.dataset_version) == (1, "v1")
    assert {"all", "ward@v0/all"} <= {each.name for each in found.subsets}
    assert {each.subset for each in found.uses} == {"ward@v0/all@1", "all@1"}
    assert found.projects == ("study-v0", "study-v1")
    one = light_ward.impact(Target(image=name, dataset="ward@v0"))
    assert [each.subset for each in one.uses] == ["all@1"]


@pytest.mark.parametrize("way", ["same", "gzip", "lines", "order"])
def test_the_same_release_again_changes_nothing(ward: Catalog, tmp_path: Path, way: str) -> None:
    table = old_table(tmp_path)
    ward.ingest_release("ward", table)
    before = sizes(ward)
    data = table.read_bytes()
    if way == "gzip":
        table.write_bytes(gzip.compress(data))
    elif way == "lines":
        table.write_bytes(data.replace(b"\r\n", b"\n").replace(b"\xef\xbb\xbf", b""))
    elif way == "order":
        header, *rows = data.splitlines()
        table.write_bytes(b"\n".join([header, *sorted(rows, reverse=True)]))
    found = ward.ingest_release("ward@v0", table)
    assert (found.changed, found.version, found.images) == (False, "v0", 60)
    assert found.boxes == sum(len(row["boxes"]) for row in small.films())
    assert sizes(ward) == before


def test_the_shipped_table_is_recognised_too(light: Catalog, tmp_path: Path) -> None:
    packed = BUILT_IN / "nih-chest-xray" / "Data_Entry_2017_v2020.csv.gz"
    plain = tmp_path / "Data_Entry_2017_v2020.csv"
    text = gzip.decompress(packed.read_bytes()).decode()
    plain.write_text(text.replace("Patient Gender", "Patient Sex"), "utf-8")
    before = sizes(light)
    for table in (packed, plain):
        found = light.ingest_release("nih-chest-xray", table)
        assert (found.version, found.changed) == ("v2020", False)
    assert sizes(light) == before


def _cell(place: int, value: str) -> Callable[[list[str]], None]:
    def change(row: list[str]) -> None:
        if row[0] == "film-07.png":
            row[place] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_cell(1, "Mass;spot;AIRSPACE OPACITY;Pleural Thickening"), id="labels"),
        pytest.param(_cell(4, "033Y"), id="age"),
        pytest.param(_cell(7, "1111"), id="width"),
        pytest.param(_cell(10, "0.5"), id="spacing"),
        pytest.param(_cell(2, "12"), id="patient"),
    ],
)
def test_another_table_of_a_release_that_is_here_is_refused(
    light_ward: Catalog, tmp_path: Path, change: Callable[[list[str]], None]
) -> None:
    light_ward.ingest_release("ward", old_table(tmp_path))
    before = sizes(light_ward)
    with pytest.raises(UsageError, match=r"ward@v0 is in the catalog already.*--as NAME"):
        light_ward.ingest_release("ward", old_table(tmp_path, change))
    assert sizes(light_ward) == before


def _unit(row: list[str]) -> None:
    row[4] = row[4].removesuffix("Y")


def _mixed(row: list[str]) -> None:
    if row[0] < "film-30.png":
        _unit(row)


@pytest.mark.parametrize(
    ("dataset", "change", "message"),
    [
        ("ward@v1", None, "is not ward@v1: ages are not written as the descriptor states (58)"),
        ("ward@v0", _unit, "is not ward@v0: ages are not written as the descriptor states (058Y)"),
        ("ward@v0", _mixed, "is not ward@v0: ages are not written as the descriptor states (058Y)"),
        (
            "ward",
            _mixed,
            "fits no release of ward (not v1: ages are not written as the descriptor ",
        ),
        ("ward", _unit, "not v1: the highest age is 150, the descriptor states 95; not v0: ages"),
        ("ward", _cell(1, "Masss"), "unknown finding 'Masss'; did you mean"),
        ("ward", _cell(4, "old"), "age is 'old', expected an age such as"),
        ("ward", _cell(0, "film-08.png"), "film-08.png is there already"),
        ("ward", _cell(0, "film-70.png"), "a corrected table comes in with --as"),
        ("ward@v3", None, "unknown release of ward 'v3'; known: v0, v1"),
        ("wart", None, "unknown dataset 'wart'; did you mean ward"),
        ("nih-chest-xray", None, "old.csv:1: the column 'Image Index' is missing"),
    ],
)
def test_a_table_that_is_not_the_release_leaves_nothing(
    light_ward: Catalog,
    tmp_path: Path,
    dataset: str,
    change: Callable[[list[str]], None] | None,
    message: str,
) -> None:
    before = sizes(light_ward)
    table = old_table(tmp_path, change or (lambda _: None))
    if message.startswith("a corrected"):  # of an image that is boxed, so that its box is homeless
        boxed = next(row["name"] for row in small.films() if row["boxes"])
        table.write_bytes(table.read_bytes().replace(boxed.encode(), b"film-99.png"))
    with pytest.raises(CxrcatError) as caught:
        light_ward.ingest_release(dataset, table)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert sizes(light_ward) == before
    assert light_ward.health().problems == ()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "there is no header"),
        (b"\x1f\x8b\x08", "the gzip file is cut off"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"Film\n", "is missing"),
        (",".join(small.HEADER).encode(), "there is no image in it"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_is_no_table(
    light_ward: Catalog, tmp_path: Path, data: bytes | None, message: str
) -> None:
    path = tmp_path / "x.csv"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        light_ward.ingest_release("ward", path)
    assert message in str(caught.value)
    with pytest.raises(InputError, match="is not a regular file"):
        light_ward.ingest_release("ward", tmp_path)


def test_a_corrected_table_is_a_release_of_its_own(ward: Catalog, tmp_path: Path) -> None:
    rows = small.films()
    gone = next(row["name"] for row in rows if row["boxes"])
    lost = len(next(row["boxes"] for row in rows if row["name"] == gone))
    folder = small.write(tmp_path / "mended", [row for row in rows if row["name"] != gone]).parent
    table = folder / "films.csv"
    found = ward.ingest_release("ward", table, "v1-fix1", "one film is not of a person")
    assert (found.version, found.like, found.changed) == ("v1-fix1", "v1", True)
    assert (found.images, found.boxes_left_out) == (59, lost)
    assert versions(ward, "ward") == [
        ("v1", True, True),
        ("v0", False, False),
        ("v1-fix1", True, False),
    ]
    known = next(each for each in ward.releases("ward") if each.version == "v1-fix1")
    assert known.note == "one film is not of a person"
    assert "films.csv" in known.release
    event = ingested(ward)
    assert event.subject == "ward@v1-fix1"
    assert (event.detail["like"], event.detail["reason"]) == ("v1", known.note)
    assert event.detail["boxes_left_out"] == lost
    manifest, plan = ward.export(Request("ward@v1-fix1/mass", destination=tmp_path / "out"))
    assert manifest.dataset.version == "v1-fix1"
    assert check_export(plan.destination).dataset.images == 59
    assert manifest.duties == ward.manifest("ward/mass").duties
    before = sizes(ward)
    assert not ward.ingest_release("ward@v1-fix1", table).changed
    assert not ward.ingest_release("ward", table, "v1-fix1").changed
    with pytest.raises(UsageError, match="ward@v1-fix1 is in the catalog already"):
        ward.ingest_release("ward@v1", tmp_path / "ward" / "films.csv", "v1-fix1")
    assert sizes(ward) == before
    assert ward.health().problems == ()


def test_a_corrected_table_is_like_the_release_that_it_is_near(
    light_ward: Catalog, tmp_path: Path
) -> None:
    younger = old_table(tmp_path, lambda row: row.__setitem__(4, row[4].replace("150Y", "058Y")))
    assert light_ward.ingest_release("ward", younger, "mended").like == "v0"
    with pytest.raises(InputError, match="is not ward@v1: ages are not written"):
        light_ward.ingest_release("ward@v1", younger, "other")


def test_releases_that_cannot_be_told_apart_must_be_named(light: Catalog, tmp_path: Path) -> None:
    one = FIRST.replace('"2024"', '"2024"\n    ships: false\n    access: the attic')
    old, older = (one.replace("version: v1", f"version: {name}") for name in ("v0", "v00"))
    first = FIRST.replace("labels: text\n", "labels: text\n      oldest: 95\n")
    old, older = (
        each.replace("labels: text\n", "labels: text\n      oldest: 64\n") for each in (old, older)
    )
    light.add_dataset(small.write(tmp_path, changes={FIRST: first + old + older}))
    young = [row for row in small.films() if (row["age"] or 0) < 65]
    table = small.write(tmp_path / "young", young).parent / "films.csv"
    with pytest.raises(InputError, match="fits ward@v0 and ward@v00; say which of them it is"):
        light.ingest_release("ward", table)
    assert light.ingest_release("ward@v00", table).version == "v00"


@pytest.mark.parametrize(
    ("name", "reason", "message"),
    [
        ("v0", None, "ward@v0 is a release of the owner's; choose another name"),
        ("v1", None, "ward@v1 is a release of the owner's; choose another name"),
        ("V2", None, "'V2' cannot name a release"),
        ("a/b", None, "'a/b' cannot name a release"),
        ("a@b", None, "'a@b' cannot name a release"),
        ("v2\n", None, "cannot name a release"),
        ("", None, "'' cannot name a release"),
        ("x" * 65, None, "cannot name a release"),
        ("v2", "x" * 3_000, "2000"),
        ("v2", "\x1b[31m", "cannot be printed"),
    ],
)
def test_names_and_reasons_that_cannot_be(
    light_ward: Catalog, tmp_path: Path, name: str, reason: str | None, message: str
) -> None:
    before = sizes(light_ward)
    with pytest.raises(UsageError) as caught:
        light_ward.ingest_release("ward", old_table(tmp_path), name, reason)
    assert message in str(caught.value)
    assert sizes(light_ward) == before


def test_a_name_that_is_no_text(light_ward: Catalog, tmp_path: Path) -> None:
    table = old_table(tmp_path)
    odd = table.rename(tmp_path / "odd\x1b\udcff.csv")
    light_ward.ingest_release("ward", odd)
    assert ingested(light_ward).detail["table"] == r"odd\x1b\udcff.csv"


def test_a_newer_text_keeps_what_describes_a_corrected_release(
    light_ward: Catalog, tmp_path: Path
) -> None:
    light_ward.ingest_release("ward", tmp_path / "ward" / "films.csv", "mine")
    path = small.write(
        tmp_path / "ward", changes={**RELEASES, "revision: 1": "revision: 2", "of a ward": "of two"}
    )
    light_ward.add_dataset(path)
    assert light_ward.descriptor("ward@mine").title == "Films of two"
    assert light_ward.descriptor("ward@mine").version_of("mine").table.oldest == 95
    assert light_ward.create_subset("x", "sex = 'F'", dataset="ward@mine").images > 0
    with light_ward._store.writing() as session:
        before = descriptor_of(find(session, "ward@mine"))
        refresh_descriptor(session, descriptor_of(find(session, "ward")), path, "tester")
        assert descriptor_of(find(session, "ward@mine")) == before


def test_a_release_more_comes_in_and_those_that_are_here_stay(
    catalog: Catalog, tmp_path: Path
) -> None:
    path = small.write(tmp_path)
    catalog.add_dataset(path)
    made = catalog.create_subset("mine", "mass", dataset="ward")
    before = sizes(catalog)
    assert [each.version for each in catalog.add_dataset(path)] == ["v1"]
    assert sizes(catalog) == before
    second = FIRST.replace("version: v1", "version: v2").replace("films.csv", "more.csv")
    changes = {FIRST: FIRST + second, "default_version: v1": "default_version: v2"}
    small.write(tmp_path / "more", small.films(40))
    shutil.move(tmp_path / "more" / "films.csv", tmp_path / "more.csv")
    shutil.copy(tmp_path / "more" / "boxes.csv", tmp_path / "boxes.csv")
    text = path.read_text("utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match="its revision is 1; a newer one has the revision 2"):
        catalog.add_dataset(path)
    assert sizes(catalog) == before
    path.write_text(text.replace("revision: 1", "revision: 2"), "utf-8")
    found = catalog.add_dataset(path)
    assert [(each.version, each.images, each.is_default) for each in found] == [
        ("v1", 60, False),
        ("v2", 40, True),
    ]
    assert catalog.subset("ward@v1/mine") == made
    assert catalog.subset("ward/mass").images == catalog.subset("ward@v2/mass").images
    assert catalog.descriptor("ward@v1").revision == 2


def test_another_table_of_a_release_refuses_the_whole_descriptor(
    light: Catalog, tmp_path: Path
) -> None:
    light.add_dataset(small.write(tmp_path))
    before = sizes(light)
    path = small.write(tmp_path, small.films(50))
    with pytest.raises(UsageError, match=r"ward@v1 is in the catalog already, from another table"):
        light.add_dataset(path)
    assert sizes(light) == before


def test_what_was_withdrawn_stays_withdrawn_in_another_release(
    light_ward: Catalog, tmp_path: Path
) -> None:
    name = next(row["name"] for row in small.films() if ("text", "mass") in row["said"])
    before = light_ward.subset("ward/mass").images
    light_ward.withdraw(Withdraw(reason="consent", images=(name,), dataset="ward"))
    light_ward.ingest_release("ward", old_table(tmp_path))
    assert light_ward.subset("ward@v0/mass").images == before - 1
    assert name not in {row.name for row in light_ward.images("ward@v0/mass")}


def test_a_descriptor_says_how_to_come_by_what_does_not_ship(tmp_path: Path) -> None:
    from cxrcat.catalog.datasets import read_descriptor

    for old, new, message in (
        ("\n    access: the attic", "", "a release that does not ship needs the key 'access'"),
        ("version: v1\nvers", "version: v0\nvers", "the default version 'v0' must ship"),
        ("oldest: 150", "oldest: -1", "oldest: Input should be greater"),
        ("ages: units", "ages: months", "ages: Input should be 'years' or 'units'"),
    ):
        path = small.write(tmp_path, changes=RELEASES)
        text = path.read_text("utf-8")
        assert text.count(old) == 1, old
        path.write_text(text.replace(old, new), "utf-8")
        with pytest.raises(InputError) as caught:
            read_descriptor(path)
        assert message in str(caught.value)


def test_september_2017_and_what_the_correction_of_2020_changed(
    light: Catalog, tmp_path: Path
) -> None:
    table = tmp_path / "Data_Entry_2017.csv"
    planted = generations.september(table)
    found = light.ingest_release("nih-chest-xray", table)
    assert (found.version, found.images, found.patients) == ("v2017-09", 112_120, 30_805)
    assert found.boxes == 984
    assert len(light.subsets("nih-chest-xray@v2017-09")) == 15
    with light._store.reading() as session:
        old, new = (find(session, f"nih-chest-xray@{name}") for name in ("v2017-09", "v2020"))
        assert old.names_checksum == new.names_checksum
        first = select(Image).where(Image.dataset_id == old.id, Image.ordinal == 0)
        image = session.exec(first).one()
    assert (image.patient, image.follow_up) == ("1", 0)
    for each in ("nih-chest-xray", "nih-chest-xray@v2017-09"):
        light.create_subset("everything", "true", dataset=each)
    diff = light.diff_subsets("nih-chest-xray@v2017-09/everything", "everything")
    assert (diff.both.images, diff.both.patients) == (112_120, 30_805)
    assert (diff.only_a.images, diff.only_b.images) == (0, 0)
    assert diff.releases is not None
    changes = diff.releases
    assert (changes.images, changes.age, changes.labels) == (112_120, planted.ages, planted.labels)
    assert (changes.age, changes.labels) == (27_471, 181)
    assert (changes.sex, changes.view, changes.follow_up) == (0, 0, planted.follow_ups)
    assert planted.follow_ups == 24_106
    assert {each.finding: each.gained for each in changes.findings if each.gained} == planted.gained
    assert {each.finding: each.lost for each in changes.findings if each.lost} == planted.lost
    ages = light.create_subset("wrong", "age > 100", dataset="nih-chest-xray@v2017-09")
    assert ages.images == 16
    assert light.create_subset("babies", "age = 0", dataset="nih-chest-xray@v2017-09").images >= 1


def test_november_2017_is_told_from_september_and_from_2020(light: Catalog, tmp_path: Path) -> None:
    table = tmp_path / "Data_Entry_2017.csv"
    generations.november(table, ages=500, labels=7)
    with pytest.raises(InputError, match=r"is not nih-chest-xray@v2017-09: ages are not written"):
        light.ingest_release("nih-chest-xray@v2017-09", table)
    with pytest.raises(InputError, match=r"the highest age is 414, the descriptor states 95"):
        light.ingest_release("nih-chest-xray@v2020", table)
    assert light.ingest_release("nih-chest-xray", table).version == "v2017-11"
    lines = table.read_text("utf-8").splitlines()
    table.write_text("\n".join(lines[:-1]), "utf-8")
    with pytest.raises(InputError, match=r"fits no release of nih-chest-xray: has 112119 images"):
        light.ingest_release("nih-chest-xray", table)
    found = light.ingest_release("nih-chest-xray", table, "v2017-11-short", "a row is missing")
    assert (found.like, found.images) == ("v2017-11", 112_119)
