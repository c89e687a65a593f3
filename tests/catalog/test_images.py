"""The rows of a subset are the table's rows, in the order of their names, a batch at a time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap
from sqlmodel import Session

from cxrcat.catalog import Catalog, ImageRow, datasets, images
from cxrcat.catalog.index import DatasetIndex

from ..checks import nih_rows
from . import small

TOTAL = 112_120


@pytest.fixture(scope="module")
def session(template: Path) -> Iterator[Session]:
    with Catalog.open(template) as catalog, catalog._store.reading() as opened:
        yield opened


def rows(session: Session, members: BitMap) -> list[ImageRow]:
    dataset = datasets.find(session)
    index = DatasetIndex(session, dataset)
    return list(images.iterate(session, dataset, index, members, "nih"))


def check(found: list[ImageRow], members: BitMap) -> None:
    known = list(nih_rows().values())
    assert [row.ordinal for row in found] == list(members)
    for row in found:
        line = known[row.ordinal]
        assert row.name == line["Image Index"]
        assert row.patient == line["Patient ID"]
        assert str(row.follow_up) == line["Follow-up #"]
        assert str(row.age) == line["Patient Age"]
        assert (row.sex, row.view) == (line["Patient Gender"], line["View Position"])
        assert (str(row.width), str(row.height)) == (line["OriginalImage[Width"], line["Height]"])
        assert row.spacing_x == float(line["OriginalImagePixelSpacing[x"])
        assert row.spacing_y == float(line["y]"])
        labels = {each.casefold().replace(" ", "_") for each in line["Finding Labels"].split("|")}
        assert set(row.findings) == labels
        assert list(row.findings) == sorted(row.findings)


@settings(max_examples=25, deadline=None)
@given(
    st.one_of(
        st.frozensets(st.integers(0, TOTAL - 1), max_size=40),
        st.builds(lambda low, size: range(low, min(low + size, TOTAL)),
                  st.integers(0, TOTAL - 1), st.integers(0, 300)),
    )
)  # fmt: skip
def test_rows_are_the_tables_rows(session: Session, members: frozenset[int] | range) -> None:
    check(rows(session, BitMap(members)), BitMap(members))


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 9])
def test_dense_and_sparse_batches(session: Session, step: int) -> None:
    members = BitMap(range(77, 77 + 9_000 * step, step))  # three batches
    check(rows(session, members), members)


def test_random_members_over_several_batches(session: Session) -> None:
    draw = random.Random(3)
    members = BitMap(draw.sample(range(TOTAL), 9_001))
    check(rows(session, members), members)
    dataset = datasets.find(session)
    known = list(nih_rows())
    assert list(images.names(session, dataset, members)) == [known[each] for each in members]


def test_rows_are_streamed(session: Session) -> None:
    asked: list[str] = []
    engine = session.connection().engine
    dataset = datasets.find(session)
    index = DatasetIndex(session, dataset)

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "FROM image" in statement:
            asked.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        stream = images.iterate(session, dataset, index, BitMap(range(TOTAL)), "nih")
        assert asked == []
        assert next(stream).name == "00000001_000.png"
        assert len(asked) == 1
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def test_missing_values_and_other_findings(catalog: Catalog, tmp_path: Path) -> None:
    expected = small.films()
    catalog.add_dataset(small.write(tmp_path, expected))
    catalog.create_subset("every", "true", dataset="ward")
    found = list(catalog.images("ward/every"))
    columns = [name for name in expected[0] if name not in ("said", "boxes", "subsets", "patient")]
    for row, film in zip(found, expected, strict=True):
        assert {name: getattr(row, name) for name in columns} == {
            name: film[name] for name in columns
        }
        assert row.patient == str(film["patient"])
        assert row.findings == tuple(sorted(finding for _, finding in film["said"]))


def test_an_empty_subset_has_no_rows(session: Session) -> None:
    assert rows(session, BitMap()) == []
