"""The record of exports: prepared, then published or abandoned, and never forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from cxrcat.catalog import Catalog, exports, subsets
from cxrcat.schemas.errors import UsageError
from cxrcat.schemas.tables import Event, Export, key_of

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def export(session: Session, name: str, **changes: Any) -> Export:
    facts = {
        "id": name,
        "subset_id": key_of(subsets.get(session, "mass")),
        "host": "here",
        "destination": f"/exports/{name}",
        "mode": "none",
        "source": None,
        "files": 0,
        "size": 0,
        "missing": 0,
        "checksum": "xxh128:" + "0" * 32,
        "state": exports.PREPARED,
        "by": "ada",
        "at": AT,
    }
    return Export(**{**facts, **changes})


def kinds(session: Session) -> list[tuple[str, str]]:
    query = select(Event.kind, Event.subject).order_by(col(Event.id))
    return [(kind, subject) for kind, subject in session.exec(query)]


def test_an_export_is_prepared_and_then_published(catalog: Catalog) -> None:
    with catalog._store.writing() as session:
        exports.prepare(session, export(session, "one"), "screening")
    with catalog._store.reading() as session:
        assert [each.id for each in exports.unsettled(session, "here")] == ["one"]
        assert exports.unsettled(session, "there") == []
        assert kinds(session)[-2:] == [("project.added", "screening"), ("export.prepared", "one")]
    with catalog._store.writing() as session:
        exports.settle(session, "one", exports.PUBLISHED, "ada")
    (found,) = catalog.exports()
    assert (found.id, found.state, found.project) == ("one", "published", "screening")
    assert (found.subset, found.subset_version, found.images) == ("mass", 1, 5_782)
    assert (found.dataset, found.dataset_version) == ("nih-chest-xray", "v2020")
    assert found.at == "2026-01-02T03:04:05+00:00"
    with catalog._store.reading() as session:
        assert exports.unsettled(session, "here") == []
        assert kinds(session)[-1] == ("export.published", "one")


def test_the_newest_export_comes_first(catalog: Catalog) -> None:
    with catalog._store.writing() as session:
        for number, name in enumerate("bca"):
            exports.prepare(session, export(session, name, at=AT + timedelta(number)), None)
        exports.prepare(session, export(session, "0", at=AT), None)
    assert [each.id for each in catalog.exports()] == ["a", "c", "0", "b"]
    assert {each.project for each in catalog.exports()} == {None}


def test_one_project_has_many_exports(catalog: Catalog) -> None:
    for name in "ab":
        with catalog._store.writing() as session:
            exports.prepare(session, export(session, name), "screening")
    assert {each.project for each in catalog.exports()} == {"screening"}
    with catalog._store.reading() as session:
        assert kinds(session).count(("project.added", "screening")) == 1


@pytest.mark.parametrize("name", ["", "Screening", "a b", "../x", "-a", "a" * 81, "a\n", "ü"])
def test_a_bad_name_of_a_project_writes_nothing(shared: Catalog, name: str) -> None:
    with (
        pytest.raises(UsageError, match="cannot name a project; use lower-case"),
        shared._store.writing() as session,
    ):
        exports.prepare(session, export(session, "one"), name)
    assert shared.exports() == []


def test_whether_an_export_stands(tmp_path: Path) -> None:
    assert not exports.stands(str(tmp_path), "one")
    (tmp_path / "provenance.json").write_text('{"export": {"id": "one"}}')
    assert exports.stands(str(tmp_path), "one")
    assert not exports.stands(str(tmp_path), "two")
    (tmp_path / "provenance.json").write_bytes(b"\xff\xfeone")
    assert not exports.stands(str(tmp_path), "one")
