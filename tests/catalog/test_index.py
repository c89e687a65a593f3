"""The index answers every question as plain Python does, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from cxrcat.catalog import Catalog, datasets, subsets
from cxrcat.catalog.bitmaps import digest
from cxrcat.catalog.index import DatasetIndex
from cxrcat.catalog.query import Node, QueryError, evaluate, normalise, parse

from . import small
from .query.expressions import Expression, expressions, holds
from .query.spellings import written

ROWS = small.labelled_films()


@dataclass(frozen=True)
class Side:
    """An open catalog with the small dataset in it."""

    catalog: Catalog

    @contextmanager
    def index(self) -> Iterator[DatasetIndex]:
        with self.catalog._store.reading() as session:
            yield DatasetIndex(session, datasets.find(session, "ward"))

    def parse(self, text: str) -> Node:
        with self.catalog._store.reading() as session:
            return parse(text, subsets.vocabulary_of(session, datasets.find(session, "ward")))


@pytest.fixture(scope="module")
def sides(
    template: Path,
    postgresql: Callable[[str | None], str],
    postgresql_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[Side]]:
    folder = tmp_path_factory.mktemp("index")
    path = small.write(folder / "ward", ROWS)
    panel, lists = small.write_labels(folder / "labels", ROWS)
    places = [shutil.copy(template, folder / "c.sqlite"), postgresql(postgresql_template)]
    with ExitStack() as stack:
        found = [Side(stack.enter_context(Catalog.open(place))) for place in places]
        for each in found:
            each.catalog.add_dataset(path)
            each.catalog.add_labels("panel", [panel], "ward")
            each.catalog.add_labels("split", lists, "ward")
            for where in ("mass", "nodule"):
                each.catalog.create_subset("holdout", where, dataset="ward")
        yield found


def expected(asked: Expression) -> BitMap:
    return BitMap(place for place, row in enumerate(ROWS) if holds(asked, row, small.WORDS))


@settings(max_examples=200, deadline=None)
@given(asked=expressions(small.WORDS), data=st.data())
def test_a_random_question_is_answered_as_by_plain_python(
    sides: list[Side], asked: Expression, data: Any
) -> None:
    text = data.draw(written(asked, small.WORDS))
    for side in sides:
        tree = side.parse(text)
        with side.index() as index:
            assert evaluate(tree, index) == expected(asked)
            assert evaluate(normalise(tree), index) == expected(asked)


def ordinals(condition: Callable[[dict[str, Any]], bool]) -> list[int]:
    return [place for place, row in enumerate(ROWS) if condition(row)]


def present(row: dict[str, Any], labels: str) -> int:
    return sum(
        of == labels and finding != "clear" and state == "present"
        for (of, finding), state in row["said"].items()
    )


@pytest.mark.parametrize("low", [None, -1, 0, 1, 2, 3, 4, 99])
@pytest.mark.parametrize("high", [None, -1, 0, 1, 2, 3, 99])
def test_findings_are_counted(sides: list[Side], low: int | None, high: int | None) -> None:
    for labels in ("text", "panel"):
        wanted = [
            place
            for place, row in enumerate(ROWS)
            if (low is None or present(row, labels) >= low)
            and (high is None or present(row, labels) <= high)
        ]
        for side in sides:
            with side.index() as index:
                assert list(index.count(labels, low, high)) == wanted


def test_a_label_set_speaks_of_the_images_of_which_it_states_anything(sides: list[Side]) -> None:
    wanted = ordinals(lambda row: any(labels == "panel" for labels, _ in row["said"]))
    assert 0 < len(wanted) < len(ROWS)
    for side in sides:
        with side.index() as index:
            assert list(index.labelled("panel")) == wanted
            assert index.labelled("text") == index.universe()
            assert not index.finding("text", "mass", "absent")


def test_a_label_set_that_is_not_there_says_nothing(sides: list[Side]) -> None:
    for side in sides:
        with side.index() as index:
            assert not index.labelled("nobody")
            assert not index.finding("nobody", "mass", "absent")


@pytest.mark.parametrize("column", ["age", "follow_up", "width", "height", "patient"])
@pytest.mark.parametrize(("low", "high"), [(1, None), (None, 18), (2, 2500), (65, 1), (0, 1 << 40)])
def test_a_range_of_whole_numbers(
    sides: list[Side], column: str, low: int | None, high: int | None
) -> None:
    wanted = ordinals(
        lambda row: (
            row[column] is not None
            and (low is None or row[column] >= low)
            and (high is None or row[column] <= high)
        )
    )
    for side in sides:
        with side.index() as index:
            assert list(index.range(column, low, high, False, False)) == wanted


@pytest.mark.parametrize("low_open", [False, True])
@pytest.mark.parametrize("high_open", [False, True])
def test_the_ends_of_a_range_of_spacings(
    sides: list[Side], low_open: bool, high_open: bool
) -> None:
    low, high = 0.143, 0.14300000000000002
    wanted = ordinals(
        lambda row: (
            row["spacing_x"] is not None
            and (row["spacing_x"] > low if low_open else row["spacing_x"] >= low)
            and (row["spacing_x"] < high if high_open else row["spacing_x"] <= high)
        )
    )
    for side in sides:
        with side.index() as index:
            assert list(index.range("spacing_x", low, high, low_open, high_open)) == wanted


@pytest.mark.parametrize("column", list(small.WORDS.columns))
def test_missing_values(sides: list[Side], column: str) -> None:
    wanted = ordinals(lambda row: row[column] is None)
    for side in sides:
        with side.index() as index:
            assert list(index.missing(column)) == wanted


def test_an_empty_text_is_not_a_missing_one(sides: list[Side]) -> None:
    for side in sides:
        with side.index() as index:
            assert not index.one_of("view", [""])
            assert not index.one_of("name", [""])


def test_boxes(sides: list[Side]) -> None:
    for side in sides:
        with side.index() as index:
            assert list(index.boxed(None)) == ordinals(lambda row: bool(row["boxes"]))
            assert list(index.boxed("nodule")) == ordinals(lambda row: "nodule" in row["boxes"])
            assert not index.boxed("opacity")


def test_patients_are_counted(sides: list[Side]) -> None:
    some = BitMap(range(0, 60, 7))
    for side in sides:
        with side.index() as index:
            assert index.patients.count(some) == len({ROWS[each]["patient"] for each in some})
            assert index.patients.count(BitMap()) == 0


def test_digests_of_subsets_are_equal_on_both_databases(sides: list[Side]) -> None:
    one, two = (
        [
            (each.dataset, each.name, each.version, each.images, each.patients, each.digest)
            for dataset in ("nih-chest-xray", "ward")
            for each in side.catalog.subsets(dataset)
        ]
        for side in sides
    )
    assert one == two
    assert len(one) == 15 + 6


@settings(max_examples=40, deadline=None)
@given(asked=expressions(small.WORDS), data=st.data())
def test_a_question_that_is_recorded_has_one_digest_everywhere(
    sides: list[Side], asked: Expression, data: Any
) -> None:
    text = data.draw(written(asked, small.WORDS))
    found = [side.catalog.create_subset("any", text, dataset="ward") for side in sides]
    assert len({(each.normal, each.digest, each.images, each.funnel) for each in found}) == 1
    assert found[0].digest == str(digest(expected(asked)))
    if found[0].funnel:
        assert found[0].funnel[-1].images == found[0].images


def test_a_dataset_whose_patients_are_no_numbers_does_no_harm(
    sides: list[Side], tmp_path: Path
) -> None:
    path = small.write(
        tmp_path, ROWS, {"slug: ward": "slug: texts", "patient: number": "patient: text"}
    )
    table = tmp_path / "films.csv"
    table.write_text(table.read_text("utf-8").replace(",00", ",P-00"), "utf-8")
    for side in sides:
        side.catalog.add_dataset(path)
        assert side.catalog.create_subset("some", "patient = 'P-00003'", dataset="texts").images > 0
        with pytest.raises(QueryError, match="patient is text; compare it with = or in"):
            side.catalog.create_subset("some", "patient > 5", dataset="texts")
        for where in ("patient > 5", "patient = 3", "patient between 1 and 3"):
            assert side.catalog.create_subset("some", where, dataset="ward").images > 0
