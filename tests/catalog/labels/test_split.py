"""Split lists: every image in one part, no patient in two; the parts are values of a column."""

from __future__ import annotations

import gzip
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from cxrcat.catalog import Catalog, Request
from cxrcat.catalog.query import QueryError
from cxrcat.schemas.errors import CxrcatError, InputError, UsageError
from cxrcat.schemas.tables import Facet, LabelSet

from ...checks import names_with
from .. import small

ROWS = small.labelled_films()


@pytest.fixture(scope="module")
def sides(
    template: Path,
    postgresql: Callable[[str | None], str],
    postgresql_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[Catalog]]:
    """Catalogs with the small dataset and without its split, for what is refused."""
    folder = tmp_path_factory.mktemp("split")
    path = small.write(folder / "ward", ROWS)
    places = [shutil.copy(template, folder / "c.sqlite"), postgresql(postgresql_template)]
    with ExitStack() as stack:
        found = [stack.enter_context(Catalog.open(place)) for place in places]
        for each in found:
            each.add_dataset(path)
        yield found


@pytest.fixture
def lists(tmp_path: Path) -> list[Path]:
    return small.write_labels(tmp_path / "labels", ROWS)[1]


def facets(catalog: Catalog) -> list[tuple[str, str]]:
    with catalog._store.reading() as session:
        query = select(Facet.field, Facet.value).where(col(Facet.field).like("split%"))
        return sorted(session.exec(query).all())


def test_the_parts_are_values_of_a_column(
    catalog: Catalog, lists: list[Path], tmp_path: Path
) -> None:
    catalog.add_dataset(small.write(tmp_path / "ward", ROWS))
    with pytest.raises(QueryError, match=r"'cxrcat labels add split learn_list\.txt exam_list\.t"):
        catalog.create_subset("exam", "split = 'exam'", dataset="ward")
    done = catalog.add_labels("split", lists, "ward")
    assert (done.slug, done.changed, done.supersedes, done.remarks) == ("split", True, None, ())
    exam = [row for row in ROWS if row["split"] == "exam"]
    made = catalog.create_subset("exam", "split = 'EXAM'", dataset="ward")
    assert [row.name for row in catalog.images("ward/exam")] == [row["name"] for row in exam]
    assert catalog.create_subset("none", "split is null", dataset="ward").images == 0
    found = catalog.label_set("split", "ward")
    assert (found.kind, found.images, found.in_catalog) == ("split", len(ROWS), True)
    assert [(each.name, each.images, each.patients) for each in found.parts] == [
        ("exam", len(exam), len({row["patient"] for row in exam})),
        ("learn", len(ROWS) - len(exam), len({row["patient"] for row in ROWS}) - made.patients),
    ]
    manifest = catalog.manifest("ward/exam")
    (read,) = manifest.subset.reads
    assert (read.kind, read.checksum) == ("split", found.checksum)
    assert catalog.datasets()[1].label_sets == ("text",)


def test_the_same_lists_change_nothing_and_others_are_kept_apart(
    catalog: Catalog, lists: list[Path], tmp_path: Path
) -> None:
    catalog.add_dataset(small.write(tmp_path / "ward", ROWS))
    catalog.add_labels("split", lists, "ward")
    before = facets(catalog)
    assert not catalog.add_labels("split", lists[::-1], "ward").changed
    assert facets(catalog) == before == [("split", "exam"), ("split", "learn")]
    names = [each.read_text("utf-8") for each in lists]
    lists[0].write_text(names[1], "utf-8")
    lists[1].write_text(names[0], "utf-8")
    assert catalog.add_labels("split", lists, "ward").supersedes == "split@1"
    assert facets(catalog) == [
        *(("split", "exam"), ("split", "learn")),
        *(("split@1", "exam"), ("split@1", "learn")),
    ]
    exam = sum(row["split"] == "exam" for row in ROWS)
    assert catalog.create_subset("x", "split = 'learn'", dataset="ward").images == exam
    assert {part.name: part.images for part in catalog.label_set("split@1", "ward").parts} == {
        "exam": exam,
        "learn": len(ROWS) - exam,
    }


def test_lines_that_repeat_others_are_taken_once(
    catalog: Catalog, lists: list[Path], tmp_path: Path
) -> None:
    catalog.add_dataset(small.write(tmp_path / "ward", ROWS))
    text = lists[0].read_text("utf-8")
    lists[0].write_text(f"{text}\n{text}\r\n", "utf-8")
    count = sum(row["split"] == "exam" for row in ROWS)
    assert catalog.add_labels("split", lists, "ward").remarks == (
        f"exam_list.txt: lines that repeat others: {count}",
    )
    assert catalog.label_set("split", "ward").images == len(ROWS)


def _lines(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("\n".join(change(path.read_text("utf-8").split("\n"))), "utf-8")


EXAM = [row["name"] for row in ROWS if row["split"] == "exam"]
LEARN = [row["name"] for row in ROWS if row["split"] == "learn"]


def _unknown(exam: Path, _learn: Path) -> None:
    _lines(exam, lambda names: ["x.png", *names, "y.png"])


def _in_two(exam: Path, _learn: Path) -> None:
    _lines(exam, lambda names: [*names, *LEARN[:2]])


def _in_none(exam: Path, _learn: Path) -> None:
    _lines(exam, lambda names: names[1:])


def _patient_in_two(exam: Path, learn: Path) -> None:
    _lines(exam, lambda names: names[1:])
    _lines(learn, lambda names: [*names, EXAM[0]])


def _spreadsheet(exam: Path, _learn: Path) -> None:
    exam.write_bytes(b"PK\x03\x04" + bytes(range(99)))


def _empty(exam: Path, _learn: Path) -> None:
    exam.write_bytes(b"\n\n")


WRONG: list[tuple[Callable[[Path, Path], None], str]] = [
    (_unknown, f"line 1: 'x.png' is not an image of ward@v1; line {len(EXAM) + 2}: 'y.png' is not"),
    (_in_two, f"exam_list.txt: 2 of {len(EXAM) + 2} rows are refused, so nothing was added: line "),
    (_in_two, f"line {len(EXAM) + 1}: {LEARN[0]} is in 'learn' too (learn_list.txt:1); line "),
    (_in_none, f"images of ward@v1 that are in no part of the split: 1 ({EXAM[0]}); nothing was"),
    (_patient_in_two, "patients with images in 'learn' and in 'exam': 1 (those of film-"),
    (_spreadsheet, "exam_list.txt: is a spreadsheet or an archive"),
    (_empty, "exam_list.txt: names nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "message"), WRONG, ids=[each.__name__ for each, _ in WRONG])
def test_lists_that_do_not_divide_the_images(
    sides: list[Catalog], lists: list[Path], damage: Callable[[Path, Path], None], message: str
) -> None:
    damage(*lists)
    for each in sides:
        with pytest.raises(InputError) as caught:
            each.add_labels("split", lists, "ward")
        assert message in str(caught.value), str(caught.value)
        assert str(caught.value).isprintable()
        assert facets(each) == []


def test_all_lists_are_needed_once(sides: list[Catalog], lists: list[Path], tmp_path: Path) -> None:
    other = shutil.copy(lists[1], tmp_path / "learn_list.txt")
    _lines(other, lambda names: names[::-1])
    unfit = tmp_path / "lists.txt"
    unfit.write_text("x")
    for given, error, message in (
        (lists[:1], UsageError, "the list of 'learn' is missing: give learn_list.txt too"),
        ([*lists, other], InputError, "learn_list.txt: 'learn' has its list already"),
        ([*lists, lists[0]], InputError, "is the same file as"),
        ([*lists, unfit], UsageError, "names end in learn_list.txt, exam_list.txt"),
        ([], UsageError, "name the files of split too"),
    ):
        for each in sides:
            with pytest.raises(error) as caught:
                each.add_labels("split", given, "ward")
            assert message in str(caught.value)
            assert facets(each) == []


def test_a_dataset_without_a_split(catalog: Catalog, lists: list[Path], tmp_path: Path) -> None:
    text = small.DESCRIPTOR[small.DESCRIPTOR.index("splits:") :]
    catalog.add_dataset(small.write(tmp_path / "ward", ROWS, {text: ""}))
    with pytest.raises(UsageError, match="the dataset ward has no split lists"):
        catalog.add_labels("split", lists, "ward")
    with pytest.raises(QueryError, match="unknown column 'split'"):
        catalog.create_subset("x", "split = 'exam'", dataset="ward")


# NIH's own lists.

TEST_COUNTS = {
    "no_finding": (50_500, 9_861),
    "infiltration": (13_782, 6_112),
    "effusion": (8_659, 4_658),
    "atelectasis": (8_280, 3_279),
    "nodule": (4_708, 1_623),
    "mass": (4_034, 1_748),
    "pneumothorax": (2_637, 2_665),
    "consolidation": (2_852, 1_815),
    "pleural_thickening": (2_242, 1_143),
    "cardiomegaly": (1_707, 1_069),
    "emphysema": (1_423, 1_093),
    "edema": (1_378, 925),
    "fibrosis": (1_251, 435),
    "pneumonia": (876, 555),
    "hernia": (141, 86),
}
"""Images of train_val and of test with each label, as NIH's files count them."""


@pytest.fixture
def official(real_data: Path) -> list[Path]:
    return [real_data / "train_val_list.txt.gz", real_data / "test_list.txt.gz"]


def test_the_official_split(catalog: Catalog, official: list[Path], tmp_path: Path) -> None:
    catalog.add_labels("split", official)
    parts = {part.name: part for part in catalog.label_set("split").parts}
    assert (parts["train_val"].images, parts["train_val"].patients) == (86_524, 28_008)
    assert (parts["test"].images, parts["test"].patients) == (25_596, 2_797)
    assert parts["train_val"].patients + parts["test"].patients == 30_805  # so none is in both

    def images(where: str) -> int:
        return catalog.create_subset("asked", where).images

    assert images("boxed() and split = 'test'") == images("boxed()") == 880
    for finding, (train, test) in TEST_COUNTS.items():
        assert images(f"{finding} and split = 'train_val'") == train, finding
        assert images(f"{finding} and split = 'test'") == test, finding
    manifest, _ = catalog.export(Request("asked", destination=tmp_path / "out"))
    assert {read.kind: read.checksum for read in manifest.subset.reads} == {
        "labels": catalog.label_set("nih").checksum,
        "split": catalog.label_set("split").checksum,
    }


def test_the_official_split_with_a_name_too_few(
    shared: Catalog, official: list[Path], tmp_path: Path
) -> None:
    names = gzip.decompress(official[1].read_bytes()).decode().split()
    short = tmp_path / "test_list.txt"
    short.write_text("\n".join(names[1:]))
    message = r"test_list\.txt: names 25,595 images, 25,596 are expected; fetch it again"
    with pytest.raises(CxrcatError, match=message):
        shared.add_labels("split", [official[0], short])
    with shared._store.reading() as session:
        assert session.exec(select(LabelSet.slug)).all() == ["nih"]


def test_a_division_of_our_own_of_all_images_is_refused_by_its_numbers(
    shared: Catalog, tmp_path: Path
) -> None:
    paths = []
    for part, name in (("train_val", "No Finding"), ("test", "Hernia")):
        paths.append(tmp_path / f"{part}_list.txt")
        paths[-1].write_text("\n".join(names_with(name)))
    with pytest.raises(InputError, match="names 60,361 images, 86,524 are expected"):
        shared.add_labels("split", paths)


def test_the_small_rows_divide_by_patients() -> None:
    parts: dict[Any, set[str]] = defaultdict(set)
    for row in ROWS:
        parts[row["patient"]].add(row["split"])
    assert all(len(each) == 1 for each in parts.values())
