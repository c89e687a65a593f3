"""Scans of archives: read in place, whole or not, and hostile ones."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from cxrcat.catalog import Catalog
from cxrcat.catalog.checksums import of_bytes
from cxrcat.catalog.scan import Scan, ScanReport
from cxrcat.schemas.tables import Replica

from ..checks import names_with
from ..orthanc import instance
from ..pictures import LONG_AGO, fill, picture, put

NAMES = names_with("Hernia")[:12]


def scan(catalog: Catalog, *places: Path, **options: Any) -> ScanReport:
    return catalog.scan(Scan(tuple(map(str, places)), **options))


def rows_of(catalog: Catalog) -> dict[str, Replica]:
    with catalog._store.reading() as session:
        return {row.uri: row for row in session.exec(select(Replica).order_by(col(Replica.uri)))}


def member(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, **facts: Any) -> Any:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    for key, value in facts.items():
        setattr(info, key, value)
    return info, data


def pack(path: Path, *members: Any, mode: str = "w:gz", **options: Any) -> Path:
    with tarfile.open(path, mode, **options) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return path


def pictures(names: list[str]) -> list[Any]:
    return [member(f"images/{name}", picture(number)) for number, name in enumerate(names)]


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_an_archive_is_read_once(catalog: Catalog, tmp_path: Path, mode: str) -> None:
    path = pack(tmp_path / "images_001.tar.gz", *pictures(NAMES), mode=mode)
    found = scan(catalog, path)
    assert found.ok
    assert (found.new, found.read, found.found) == (12, 12, 12)
    rows = rows_of(catalog)
    for number, name in enumerate(NAMES):
        row = rows[f"{path.as_uri()}#images/{name}"]
        assert row.checksum == str(of_bytes(picture(number)))
        assert (row.source, row.size, row.problem) == ("nih-archives", len(picture(number)), None)
    found = scan(catalog, path)
    assert (found.new, found.unchanged, found.read) == (0, 12, 0)
    found = scan(catalog, path, full=True)
    assert (found.new, found.unchanged, found.read) == (0, 12, 12)
    os.utime(path)
    assert scan(catalog, path).read == 12
    assert scan(catalog, tmp_path).gone == ()  # the folder of the archive is another place
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".png"] == []


def test_another_archive_of_the_name(catalog: Catalog, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar.gz", *pictures(NAMES))
    scan(catalog, path)
    path.unlink()
    pack(path, *pictures(NAMES[:3]), member(f"images/{NAMES[3]}", picture(99)))
    found = scan(catalog, path)
    assert [each.image for each in found.changed] == [NAMES[3]]
    assert [each.image for each in found.gone] == NAMES[4:]
    assert (found.unchanged, found.ok) == (3, False)
    found = scan(catalog, path)
    assert (found.ok, found.read, found.unchanged, found.gone) == (True, 0, 4, ())


def test_folders_and_archives_together(catalog: Catalog, tmp_path: Path) -> None:
    one = pack(tmp_path / "1.tar.gz", *pictures(NAMES))
    two = pack(tmp_path / "2.tar.gz", member(NAMES[0], picture(0)), member(NAMES[1], picture(50)))
    found = scan(catalog, fill(tmp_path / "images", NAMES[:1]), one, two)
    assert (found.files, found.found) == (15, 12)
    assert [each.image for each in found.twice] == NAMES[:2]
    assert [len(each.uris) for each in found.twice] == [3, 2]
    assert [each.image for each in found.differing] == NAMES[1:2]


def test_damaged_members(catalog: Catalog, tmp_path: Path) -> None:
    dicom = f"{NAMES[4][:-4]}.dcm"
    path = pack(
        tmp_path / "a.tar.gz",
        member(NAMES[0], picture(0)[:-1]),
        member(NAMES[1], picture(1)),
        member(NAMES[1], picture(2)),
        member(NAMES[2], picture(3)),
        member(NAMES[2], picture(3)),
        member(NAMES[3], picture(3, 64, 64)),
        member(dicom, instance(4)),
        member("x.png", picture(5)),
    )
    for read in (8 - 1, 0):
        found = scan(catalog, path)
        assert (found.read, found.twice, found.found) == (read, (), 5)
        assert [each.image for each in found.damaged] == NAMES[:2]
        assert found.damaged[1].problem == "damaged: is there twice, with different bytes"
        assert [each.image for each in found.resized] == NAMES[3:4]
    assert rows_of(catalog)[f"{path.as_uri()}#{dicom}"].problem is None


def corrupt(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(200) + data[middle + 200 :]


@pytest.mark.parametrize(
    ("change", "some"),
    [
        (lambda data: data[: len(data) // 2], True),
        (lambda data: data[:-4], True),
        (corrupt, True),
        (lambda data: data[:-6] + b"\0\0" + data[-4:], True),  # its checksum
        (lambda _: b"", False),
        (lambda _: b"\x1f\x8b", False),
        (lambda _: os.urandom(3000), False),
        (lambda _: gzip.compress(os.urandom(3000)), False),
        (lambda data: b"PK\3\4" + data, False),
    ],
)
def test_damaged_archives(catalog: Catalog, tmp_path: Path, change: Any, some: bool) -> None:
    path = pack(tmp_path / "a.tar.gz", *pictures(NAMES))
    put(path, change(path.read_bytes()))
    for _ in range(2):  # it is never taken for known
        found = scan(catalog, path)
        assert not found.ok
        assert found.damaged[-1].image is None or found.damaged[0].image is None
        (broken,) = [each for each in found.damaged if each.image is None]
        assert broken.uri == path.as_uri()
        assert "is no whole archive" in broken.problem
        assert (found.read > 0) == some
        assert all(row.problem is None for row in rows_of(catalog).values())
    pack(path, *pictures(NAMES))
    assert scan(catalog, path).ok
    assert len(rows_of(catalog)) == 12


def test_damage_that_keeps_the_size_and_the_time(catalog: Catalog, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar.gz", *pictures(NAMES))
    scan(catalog, path)
    assert next(iter(rows_of(catalog).values())).source == "archive"
    with path.open("r+b") as stream:
        stream.write(corrupt(path.read_bytes()))
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    assert scan(catalog, path).ok
    for full in (True, False):  # once it was found, it is not taken for known again
        assert not scan(catalog, path, full=full).ok


def test_hostile_members(catalog: Catalog, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    secret = put(tmp_path / "secret.png", picture(77))
    path = pack(
        work / "a.tar.gz",
        member(f"../../{NAMES[0]}", picture(0)),
        member(f"/etc/{NAMES[1]}", picture(1)),
        member(NAMES[2], kind=tarfile.SYMTYPE, linkname=str(secret)),
        member(NAMES[3], kind=tarfile.LNKTYPE, linkname="../secret.png"),
        member(NAMES[4], kind=tarfile.CHRTYPE, devmajor=1, devminor=5),
        member(NAMES[5], kind=tarfile.FIFOTYPE),
        member(NAMES[6], kind=tarfile.DIRTYPE),
        member(f"{NAMES[7]}/../\udcff\n{NAMES[7]}", picture(7)),
        member(f"\x1b[31m/{NAMES[8]}", picture(8)),
        member(f"#/?%41/{NAMES[9]}", picture(9)),
    )
    before = sorted(tmp_path.rglob("*"))
    found = scan(catalog, path)
    assert (found.found, found.read, found.ok) == (4, 4, True)
    assert len(found.strangers) == 1
    rows = rows_of(catalog)
    assert len(rows) == 4
    for uri in (*rows, *found.strangers):
        assert uri.startswith(f"{path.as_uri()}#")
        assert uri.isascii()
        assert uri.isprintable()
    assert scan(catalog, path).unchanged == 4
    assert sorted(tmp_path.rglob("*")) == before


def test_a_sparse_member_of_ten_gigabytes(catalog: Catalog, tmp_path: Path) -> None:
    size = 10_000_000_000
    header = bytearray(member(NAMES[0])[0].tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[386:410] = b"%011o\0%011o\0" % (0, 0)  # one piece, of nothing
    header[483:495] = b"\x80" + size.to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    rest = io.BytesIO()
    with tarfile.open(fileobj=rest, mode="w") as archive:
        archive.addfile(*[member(NAMES[1], picture(1))][0][:1], io.BytesIO(picture(1)))
    path = put(tmp_path / "a.tar.gz", gzip.compress(bytes(header) + rest.getvalue()))
    found = scan(catalog, path)
    assert [each.problem for each in found.damaged] == [
        "damaged: announces 10,000,000,000 bytes, which no image has"
    ]
    assert found.found == 2


@pytest.mark.parametrize("kind", ["image", "other", "header"])
def test_a_bomb_is_left_in_time_and_takes_no_memory(
    catalog: Catalog, tmp_path: Path, kind: str
) -> None:
    size = 3_000_000_000
    info = member(NAMES[1] if kind == "image" else "zeros")[0]
    info.size = 200_000_000 if kind == "image" else size
    if kind == "header":
        info.type = tarfile.XHDTYPE
    path = tmp_path / "a.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as packed:
        first = io.BytesIO()
        with tarfile.open(fileobj=first, mode="w|") as archive:
            archive.addfile(*[member(NAMES[0], picture(0))][0][:1], io.BytesIO(picture(0)))
        packed.write(first.getvalue()[: -(-(512 + len(picture(0))) // 512) * 512])
        packed.write(info.tobuf())
        for _ in range(200):
            packed.write(bytes(1 << 20))
    assert path.stat().st_size < 1_500_000
    tracemalloc.start()
    found = scan(catalog, path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    broken = [each.problem for each in found.damaged if each.image is None]
    assert len(broken) == 1
    assert ("of it become" if kind == "image" else "stand between") in broken[0]
    assert found.found == 1
    assert peak < 50_000_000


def test_headers_without_an_end(catalog: Catalog, tmp_path: Path) -> None:
    info = member("x", kind=tarfile.XHDTYPE)[0]
    path = put(tmp_path / "a.tar.gz", gzip.compress(info.tobuf() * 30_000 + bytes(1024)))
    found = scan(catalog, path)
    assert len(found.damaged) == 1
    assert found.found == 0
