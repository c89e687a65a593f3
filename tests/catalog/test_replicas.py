"""Replicas: each place once, and what is known of it renewed."""

from __future__ import annotations

from sqlmodel import col, select

from cxrcat.catalog import Catalog, datasets, replicas
from cxrcat.catalog.replicas import Known, Problem, Seen
from cxrcat.schemas.tables import Replica


def test_replicas_are_kept_once_a_place_and_brought_up_to_date(catalog: Catalog) -> None:
    seen = [
        Seen(number, f"file:///x/{number}", number, "xxh128:" + "0" * 32) for number in range(1200)
    ]
    with catalog._store.writing() as session:
        replicas.record(session, datasets.find(session), "folder", seen)
    again = [
        Seen(7, "file:///x/7", 70, "xxh128:" + "1" * 32),
        Seen(7, "gs://y/7", 1 << 40, None, version="12", stored="crc32c:0000000a"),
    ]
    with catalog._store.writing() as session:
        replicas.record(session, datasets.find(session), "folder", again)
        replicas.record(session, datasets.find(session), "folder", [])
    with catalog._store.reading() as session:
        found = session.exec(select(Replica).order_by(col(Replica.ordinal), col(Replica.uri))).all()
    assert len(found) == 1201
    assert [(row.uri, row.size, row.version) for row in found[6:9]] == [
        ("file:///x/6", 6, None),
        ("file:///x/7", 70, None),
        ("gs://y/7", 1 << 40, "12"),
    ]


def test_the_same_bytes_keep_what_is_known_of_them(catalog: Catalog) -> None:
    same, other = "xxh128:" + "0" * 32, "xxh128:" + "1" * 32
    damaged = Problem.DAMAGED.of("cut off")
    known = [
        Seen(0, "file:///0", 5, same, modified=1, inode=2, problem=damaged, study="1.2"),
        Seen(1, "file:///1", 5, same, modified=1, inode=2, problem=damaged, study="1.2"),
        Seen(2, "file:///2", 5, same, modified=1, inode=2, problem=Problem.GONE.value),
        Seen(3, "file:///3", 5, same, modified=1, inode=2, problem=damaged),
    ]
    later = [
        Seen(0, "file:///0", 5, same),
        Seen(1, "file:///1", 5, other),
        Seen(2, "file:///2", 5, same),
        Seen(3, "file:///3", 5, same, modified=7, inode=2),
    ]
    with catalog._store.writing() as session:
        for seen in (known, later):
            replicas.record(session, datasets.find(session), "folder", seen)
    with catalog._store.reading() as session:
        found = session.exec(select(Replica).order_by(col(Replica.ordinal))).all()
    assert [(row.modified, row.inode, row.problem, row.study) for row in found] == [
        (1, 2, damaged, "1.2"),
        (None, None, None, None),
        (1, 2, None, None),
        (7, 2, None, None),
    ]


def test_places_begin_as_they_are_written(catalog: Catalog) -> None:
    uris = ("file:///a/x", "file:///ab/x", "file:///a_/x", "file:///A/x", "file:///a/t.gz#x")
    with catalog._store.writing() as session:
        seen = [Seen(number, uri) for number, uri in enumerate(uris)]
        replicas.record(session, datasets.find(session), "folder", seen)
    with catalog._store.reading() as session:
        dataset = datasets.find(session)

        def under(*places: str) -> list[str]:
            return sorted(row[0] for row in replicas.under(session, dataset, places))

        assert under("file:///a/") == ["file:///a/x"]
        assert under("file:///a_/", "file:///ab/") == ["file:///a_/x", "file:///ab/x"]
        assert under("file:///") == sorted(uris[:4])
        assert under("file:///a/t.gz#") == ["file:///a/t.gz#x"]
        assert under("gs://b/", "%") == []
        (row,) = map(Known._make, replicas.under(session, dataset, ["file:///ab/"]))
        assert (row.uri, row.ordinal, row.size) == ("file:///ab/x", 1, None)


def test_what_is_wrong_can_be_said_in_sql_and_on_a_terminal() -> None:
    assert Problem.DAMAGED.of("a\0b\x1b\udcff") == "damaged: a\ufffdb\ufffd\ufffd"
