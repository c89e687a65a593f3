"""The log is a chain: whatever is altered, deleted or moved is found, at the right entry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from cxrcat.catalog import Catalog, events
from cxrcat.schemas.tables import Event

EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]


@contextmanager
def log(catalog: Catalog) -> Iterator[Session]:
    """A session with a few entries more, all of which is undone at the end."""
    with catalog._store.writing() as session:
        for number in range(3):
            events.record(session, "ada", "test.done", f"thing@{number}", ü=number, x=[1.5, None])
        yield session
        session.rollback()


def broken(session: Session) -> int | None:
    session.expire_all()
    return events.first_broken(session)


def test_entries_are_numbered_and_linked(shared: Catalog) -> None:
    with log(shared) as session:
        entries = session.exec(select(Event).order_by(col(Event.id))).all()
        assert [entry.id for entry in entries] == list(range(1, len(entries) + 1))
        assert events.count(session) == len(entries)
        assert entries[0].previous == events.ORIGIN
        for one, two in pairwise(entries):
            assert two.previous == one.digest
        assert broken(session) is None


CHANGES: dict[str, Any] = {
    "at": datetime(2020, 1, 1, tzinfo=UTC),
    "by": "mallory",
    "kind": "test.undone",
    "subject": "thing@9",
    "detail": {"ü": 1, "x": [1.5, 0]},
    "previous": "f" * 32,
    "digest": "f" * 32,
}


def test_every_field_has_its_change() -> None:
    assert set(CHANGES) | {"id"} == set(EVENT.columns.keys())


@pytest.mark.parametrize("field", CHANGES)
def test_a_change_of_any_field_of_any_entry_is_found(shared: Catalog, field: str) -> None:
    with log(shared) as session:
        last = events.count(session)
        for number in (1, 2, last - 1, last):
            with session.begin_nested() as point:
                session.execute(
                    sa.update(EVENT).where(EVENT.c.id == number).values({field: CHANGES[field]})
                )
                assert broken(session) == number
                point.rollback()
        assert broken(session) is None


def test_the_smallest_change_of_a_moment_is_found(shared: Catalog) -> None:
    with log(shared) as session:
        entry = session.get_one(Event, 2)
        moment = entry.at + timedelta(microseconds=1)
        session.execute(sa.update(EVENT).where(EVENT.c.id == 2).values(at=moment))
        assert broken(session) == 2


def test_a_moment_in_another_zone_is_the_same_moment(shared: Catalog) -> None:
    with log(shared) as session:
        moment = session.get_one(Event, 2).at.astimezone(timezone(timedelta(hours=5)))
        session.execute(sa.update(EVENT).where(EVENT.c.id == 2).values(at=moment))
        assert broken(session) is None


@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_deleted_entry_is_found(shared: Catalog, number: int) -> None:
    with log(shared) as session:
        session.execute(sa.delete(EVENT).where(EVENT.c.id == number))
        assert broken(session) == number + 1


def test_an_entry_put_between_two_is_found(shared: Catalog) -> None:
    with log(shared) as session:
        last = events.count(session)
        session.execute(sa.update(EVENT).where(EVENT.c.id == last).values(id=last + 1))
        assert broken(session) == last + 1


def test_two_entries_that_changed_places_are_found(shared: Catalog) -> None:
    with log(shared) as session:
        for old, new in ((3, 1003), (2, 3), (1003, 2)):
            session.execute(sa.update(EVENT).where(EVENT.c.id == old).values(id=new))
        assert broken(session) == 2


def test_an_entry_that_was_forged_with_its_digest_breaks_the_next(shared: Catalog) -> None:
    with log(shared) as session:
        entry = session.get_one(Event, 3)
        entry.by = "mallory"
        entry.digest = events.digest_of(entry)
        session.add(entry)
        session.flush()
        assert broken(session) == 4


def test_digests_do_not_depend_on_the_database(shared: Catalog) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    event = Event(
        id=7, at=at, by="ünï", kind="k", subject="s", detail={"b": 1, "a": [None, 0.1]},
        previous="0" * 32, digest="",
    )  # fmt: skip
    digest = events.digest_of(event)
    assert digest == "6cfd139c82c3785d9bc834aa0ae6f499"
    with shared._store.writing() as session:
        session.add(Event(**{**event.model_dump(), "id": 7_000_000, "digest": digest}))
        session.flush()
        session.expire_all()
        found = session.get_one(Event, 7_000_000)
        assert events.digest_of(Event(**{**found.model_dump(), "id": 7})) == digest
        session.rollback()
