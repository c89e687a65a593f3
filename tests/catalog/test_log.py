"""The log as people read it: which entries, in which order, and whether a kept head is there."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from cxrcat.catalog import Catalog, events
from cxrcat.catalog.log import Filter, Head, check, entries
from cxrcat.schemas.errors import CatalogError, UsageError
from cxrcat.schemas.tables import Event

EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
BUILT_IN = 16  # one release, and its fifteen subsets


@pytest.fixture
def edited(template: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection to a catalog, to do with it what cxrcat never does."""
    connection = sqlite3.connect(shutil.copy(template, tmp_path / "edited.sqlite"))
    yield connection
    connection.close()


def opened(edited: sqlite3.Connection) -> Catalog:
    edited.commit()
    (_, _, path) = edited.execute("PRAGMA database_list").fetchone()
    return Catalog.open(path)


def test_the_newest_come_first_and_the_rest_is_counted(shared: Catalog) -> None:
    every = shared.log(Filter())
    assert [each.number for each in every.entries] == list(range(BUILT_IN, 0, -1))
    assert every.older == 0
    some = shared.log(Filter(limit=3))
    assert (some.entries, some.older) == (every.entries[:3], BUILT_IN - 3)
    assert every.entries[-1].kind == "dataset.ingested"
    assert every.entries[-1].subject == "nih-chest-xray@v2020"
    assert every.entries[-1].previous == events.ORIGIN
    assert shared.log(Filter(limit=10**30)) == every


def test_a_kind_is_a_word_or_what_stands_before_its_dot(shared: Catalog) -> None:
    assert len(shared.log(Filter(kind="subset")).entries) == BUILT_IN - 1
    assert len(shared.log(Filter(kind="subset.created")).entries) == BUILT_IN - 1
    assert len(shared.log(Filter(kind="dataset")).entries) == 1
    for none in ("sub", "subset.", "%", "subset_created", "", "s%"):
        assert shared.log(Filter(kind=none)).entries == ()


def test_since_is_a_moment_that_belongs_to_it(shared: Catalog) -> None:
    with shared._store.reading() as session:
        first, last = (session.get_one(Event, number).at for number in (1, BUILT_IN))
    assert len(shared.log(Filter(since=first.isoformat())).entries) == BUILT_IN
    assert len(shared.log(Filter(since=str(first.date()))).entries) == BUILT_IN
    assert shared.log(Filter(since=last.isoformat())).entries[0].number == BUILT_IN
    assert shared.log(Filter(since="9999-12-31")).entries == ()
    late = shared.log(Filter(since=last.replace(tzinfo=None).isoformat() + "-01:00"))
    assert late.entries == ()


@pytest.mark.parametrize("since", ["", "yesterday", "2026-13-01", "0001-01-01T00:00+23:00", "١"])
def test_a_since_that_is_no_date(shared: Catalog, since: str) -> None:
    with pytest.raises(UsageError, match="is no date"):
        shared.log(Filter(since=since))


def test_a_head_of_earlier_is_still_there(shared: Catalog) -> None:
    with shared._store.writing() as session:
        before = check(session).head
        assert before.number == BUILT_IN
        events.record(session, "ada", "test.done", "one")
        events.record(session, "ada", "test.done", "two")
        found = check(session, before)
        assert (found.ok, found.broken, found.kept) == (True, None, True)
        assert found.head.number == BUILT_IN + 2
        head = found.head
        session.execute(sa.delete(EVENT).where(EVENT.c.id > BUILT_IN + 1))
        cut = check(session, head)
        assert (cut.ok, cut.broken, cut.kept) == (False, None, False)
        assert check(session, before).ok
        events.record(session, "ada", "test.done", "another two")  # a history that fits together
        rewritten = check(session, head)
        assert (rewritten.ok, rewritten.broken, rewritten.kept) == (False, None, False)
        assert check(session).ok
        session.rollback()


def test_without_entries_there_is_nothing_to_lose(shared: Catalog) -> None:
    with shared._store.writing() as session:
        session.execute(sa.delete(EVENT))
        none = Head(0, events.ORIGIN)
        assert (check(session).head, check(session, none).ok) == (none, True)
        assert check(session, Head(0, "f" * 32)).kept is False
        assert entries(session, Filter()).entries == ()
        session.rollback()


@given(st.integers(0, 10**18 - 1), st.text("0123456789abcdef", min_size=32, max_size=32))
def test_a_head_is_read_as_it_was_printed(number: int, digest: str) -> None:
    assert Head.parse(str(Head(number, digest))) == Head(number, digest)


@given(st.text() | st.from_regex(r"[0-9٣]{1,30}:[0-9a-fA-F]{30,33}\n?"))
def test_nothing_else_is_a_head(text: str) -> None:
    try:
        assert str(Head.parse(text)) == text
    except UsageError as error:
        assert "NUMBER:DIGEST" in str(error)


@pytest.mark.parametrize(
    "change",
    [
        "detail = '{nope'",
        "detail = '[1]'",
        "at = 'junk'",
        "at = 12345",
        "at = '9999-12-31 23:59:59.999999'",
        "by = x'ff00'",
        "digest = x'ff00'",
        "previous = x'ff00'",
    ],
)
def test_an_entry_that_cannot_even_be_read_is_named(
    edited: sqlite3.Connection, change: str
) -> None:
    edited.execute(f"UPDATE event SET {change} WHERE id = 5")  # noqa: S608 - our own text
    with opened(edited) as catalog:
        assert catalog.check_log().broken == 5
        assert catalog.health().problems[0].startswith("the event log was altered at entry 5;")


@pytest.mark.parametrize("change", ["detail = '{nope'", "at = 'junk'", "by = x'ff00'"])
def test_a_listing_says_where_to_look(edited: sqlite3.Connection, change: str) -> None:
    edited.execute(f"UPDATE event SET {change} WHERE id = 5")  # noqa: S608 - our own text
    with opened(edited) as catalog, pytest.raises(CatalogError, match="log --verify"):
        catalog.log(Filter())


def test_an_earlier_fault_in_the_same_batch_is_the_first(edited: sqlite3.Connection) -> None:
    edited.execute("UPDATE event SET by = 'mallory' WHERE id = 3")
    edited.execute("UPDATE event SET at = 'junk' WHERE id = 9")
    with opened(edited) as catalog:
        assert catalog.check_log().broken == 3
