"""Scans of folders: what is recorded, what is read again, and what is said of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from cxrcat.catalog import Catalog, datasets, replicas
from cxrcat.catalog.checksums import of_bytes
from cxrcat.catalog.progress import SILENT, Progress
from cxrcat.catalog.scan import Scan, ScanReport
from cxrcat.schemas.errors import InputError, NotFoundError, UsageError
from cxrcat.schemas.tables import Event, Replica

from ..checks import names_with
from ..orthanc import instance, uids_of
from ..pictures import LONG_AGO, fill, picture, put

NAMES = names_with("Hernia")[:12]


def scan(
    catalog: Catalog, *places: Path | str, progress: Progress = SILENT, **options: Any
) -> ScanReport:
    return catalog.scan(Scan(tuple(map(str, places)), **options), progress)


def rows_of(catalog: Catalog) -> dict[str, Replica]:
    with catalog._store.reading() as session:
        return {row.uri: row for row in session.exec(select(Replica).order_by(col(Replica.uri)))}


def changes_of(catalog: Catalog) -> list[dict[str, Any]]:
    with catalog._store.reading() as session:
        query = select(Event.detail).where(Event.kind == "replicas.changed").order_by(col(Event.id))
        return [each for detail in session.exec(query) for each in detail["replicas"]]


def counts(found: ScanReport) -> tuple[int, int, int, int]:
    return found.new, len(found.changed), found.unchanged, found.read


def test_what_is_there_is_recorded_and_read_once(catalog: Catalog, tmp_path: Path) -> None:
    folder = fill(tmp_path / "a b" / "images", NAMES)
    found = scan(catalog, tmp_path)
    assert counts(found) == (12, 0, 0, 12)
    assert found.ok
    assert found.size == sum(path.stat().st_size for path in folder.iterdir())
    assert (found.dataset, found.images, found.found) == ("nih-chest-xray@v2020", 112120, 12)
    assert found.missing == 112108
    assert found.missing_names == ("00000001_000.png", "00000001_001.png", "00000001_002.png")
    rows = rows_of(catalog)
    assert list(rows) == [(folder / name).as_uri() for name in NAMES]
    for name in NAMES:
        path, row = folder / name, rows[(folder / name).as_uri()]
        assert row.checksum == str(of_bytes(path.read_bytes()))
        assert (row.source, row.size) == ("folder", path.stat().st_size)
        assert (row.modified, row.inode) == (LONG_AGO, path.stat().st_ino)
        assert row.problem is row.stored is row.version is row.study is None
        (told,) = catalog.replicas(name)
        assert (told.uri, told.checksum) == (row.uri, row.checksum)
    for _ in range(2):
        assert counts(scan(catalog, tmp_path)) == (0, 0, 12, 0)
    assert counts(scan(catalog, tmp_path, full=True)) == (0, 0, 12, 12)
    assert rows_of(catalog).keys() == rows.keys()
    assert changes_of(catalog) == []


def test_every_missing_image_can_be_named(catalog: Catalog, tmp_path: Path) -> None:
    fill(tmp_path, NAMES)
    missing = scan(catalog, tmp_path, name_all=True).missing_names
    assert len(missing) == 112108
    assert not set(NAMES) & set(missing)
    assert list(missing) == sorted(missing)


def test_a_folder_is_named_however_one_likes(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "x", NAMES)
    (tmp_path / "y").mkdir()
    scan(catalog, tmp_path / "x")
    monkeypatch.chdir(tmp_path / "x")
    for place in (".", "../x", f"{tmp_path}//x/", "../y/../x"):
        assert counts(scan(catalog, place)) == (0, 0, 12, 0)
    assert counts(scan(catalog, tmp_path, tmp_path / "x", ".")) == (0, 0, 12, 0)


def test_other_bytes_are_a_change_and_kept_in_the_log(catalog: Catalog, tmp_path: Path) -> None:
    fill(tmp_path, NAMES)
    scan(catalog, tmp_path)
    path = put(tmp_path / NAMES[3], picture(99), LONG_AGO + 1)
    put(tmp_path / NAMES[4], picture(4), LONG_AGO + 1)  # touched alone
    found = scan(catalog, tmp_path)
    assert counts(found) == (0, 1, 11, 2)
    assert not found.ok
    (change,) = found.changed
    was, now = (str(of_bytes(picture(seed))) for seed in (3, 99))
    assert (change.image, change.uri) == (NAMES[3], path.as_uri())
    assert (change.was, change.now, change.mended) == (was, now, False)
    assert rows_of(catalog)[path.as_uri()].checksum == now
    assert changes_of(catalog) == [{"uri": path.as_uri(), "was": was, "now": now}]
    again = scan(catalog, tmp_path)
    assert counts(again) == (0, 0, 12, 0)
    assert again.ok
    assert catalog.health().problems == ()


def test_what_hides_behind_its_old_time_is_found_by_a_full_scan(
    catalog: Catalog, tmp_path: Path
) -> None:
    fill(tmp_path, NAMES)
    scan(catalog, tmp_path)
    path = tmp_path / NAMES[0]
    with path.open("r+b") as stream:  # the same inode, and as many bytes
        stream.write(picture(7))
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    assert counts(scan(catalog, tmp_path)) == (0, 0, 12, 0)
    found = scan(catalog, tmp_path, full=True)
    assert counts(found) == (0, 1, 11, 12)
    assert found.changed[0].uri == path.as_uri()


def test_another_file_with_the_same_time_is_read(catalog: Catalog, tmp_path: Path) -> None:
    fill(tmp_path, NAMES)
    scan(catalog, tmp_path)
    (tmp_path / NAMES[0]).rename(tmp_path / "aside")
    put(tmp_path / NAMES[0], picture(7))
    assert counts(scan(catalog, tmp_path)) == (0, 1, 11, 1)


def test_a_file_that_may_still_change_is_read_again(catalog: Catalog, tmp_path: Path) -> None:
    fill(tmp_path, NAMES)
    whole_second = 4_000_000_000_000_000_000  # of a file system that knows no fractions
    os.utime(tmp_path / NAMES[0], ns=(whole_second, whole_second))
    scan(catalog, tmp_path)
    assert rows_of(catalog)[(tmp_path / NAMES[0]).as_uri()].modified is None
    assert counts(scan(catalog, tmp_path)) == (0, 0, 12, 1)


def damaged(data: bytes) -> dict[str, bytes]:
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    return {
        "is cut off after": data[:-5],
        "is empty": b"",
        "is not a PNG image": b"GIF89a" + data,
        "goes on after its end": data + b"more",
        "has changed bytes in its chunk IDAT": bytes(changed),
        "has changed bytes in its header": data[:19] + b"\xff" + data[20:],
    }


def test_damage_is_found_recorded_and_remembered(catalog: Catalog, tmp_path: Path) -> None:
    fill(tmp_path, NAMES)
    faults = damaged(picture())
    for name, data in zip(NAMES, faults.values(), strict=False):
        put(tmp_path / name, data)
    for read in (12, 0):
        found = scan(catalog, tmp_path)
        assert found.read == read
        assert not found.ok
        assert [each.image for each in found.damaged] == NAMES[: len(faults)]
        for each, words in zip(found.damaged, faults, strict=True):
            assert each.problem.startswith("damaged: ")
            assert words in each.problem
            row = rows_of(catalog)[each.uri]
            assert row.problem == each.problem
            assert row.checksum is not None
    for number, name in enumerate(NAMES):
        put(tmp_path / name, picture(number), LONG_AGO + 1)
    found = scan(catalog, tmp_path)
    assert found.ok
    assert [each.mended for each in found.changed] == [True] * len(faults)
    assert all(row.problem is None for row in rows_of(catalog).values())


def test_resized_copies_are_told_from_the_images(catalog: Catalog, tmp_path: Path) -> None:
    fill(tmp_path, NAMES)
    put(tmp_path / NAMES[1], picture(0, 512, 256))
    found = scan(catalog, tmp_path)
    assert not found.ok
    (each,) = found.resized
    assert (each.image, found.damaged) == (NAMES[1], ())
    assert each.problem == "size: has 512 × 256 pixels, not 1024 × 1024"
    assert scan(catalog, tmp_path).resized == (each,)


def test_two_files_of_one_image(catalog: Catalog, tmp_path: Path) -> None:
    fill(tmp_path / "a", NAMES)
    put(tmp_path / "b" / NAMES[0], picture(0))
    found = scan(catalog, tmp_path)
    assert found.ok
    assert (found.files, found.found) == (13, 12)
    (twice,) = found.twice
    assert twice.image == NAMES[0]
    assert set(twice.uris) == {(tmp_path / each / NAMES[0]).as_uri() for each in "ab"}
    other = put(tmp_path / "b" / NAMES[1], picture(55))
    for _ in range(2):
        found = scan(catalog, tmp_path)
        assert not found.ok
        assert [each.image for each in found.twice] == NAMES[:2]
        (differing,) = found.differing
        assert differing.image == NAMES[1]
        assert dict(differing.replicas) == {
            (tmp_path / "a" / NAMES[1]).as_uri(): str(of_bytes(picture(1))),
            other.as_uri(): str(of_bytes(picture(55))),
        }
    alone = scan(catalog, tmp_path / "b")  # the other replica is known, and not in this place
    assert alone.twice == ()
    assert [each.image for each in alone.differing] == [NAMES[1]]
    put(other, picture(1)[:-1])
    found = scan(catalog, tmp_path)
    assert found.differing == ()  # a damaged one is damaged, which says why it differs
    assert [each.image for each in found.damaged] == [NAMES[1]]


def test_gone_replicas_are_marked_and_come_back_unread(catalog: Catalog, tmp_path: Path) -> None:
    folder = fill(tmp_path / "images", NAMES)
    put(folder / NAMES[5], picture(5)[:-1])
    put(folder / NAMES[6], picture(60), LONG_AGO)
    scan(catalog, folder)
    before = rows_of(catalog)
    (tmp_path / "aside").mkdir()
    for name in NAMES[5:8]:
        (folder / name).rename(tmp_path / "aside" / name)
    found = scan(catalog, folder)
    assert found.ok  # the damaged one is not there
    assert [each.image for each in found.gone] == NAMES[5:8]
    assert (found.found, found.unchanged) == (9, 9)
    gone = rows_of(catalog)
    assert gone.keys() == before.keys()
    assert [gone[(folder / name).as_uri()].problem for name in NAMES[5:8]] == [
        f"gone; {before[(folder / NAMES[5]).as_uri()].problem}",
        "gone",
        "gone",
    ]
    assert gone[(folder / NAMES[6]).as_uri()].checksum == str(of_bytes(picture(60)))
    assert scan(catalog, folder).gone == ()  # said once
    for name in NAMES[5:7]:
        (tmp_path / "aside" / name).rename(folder / name)
    put(folder / NAMES[7], picture(70))
    found = scan(catalog, folder)
    assert counts(found) == (0, 1, 11, 1)
    assert [each.image for each in found.damaged] == [NAMES[5]]
    after = rows_of(catalog)
    assert after[(folder / NAMES[5]).as_uri()].problem == before[found.damaged[0].uri].problem
    assert after[(folder / NAMES[6]).as_uri()].problem is None


def test_a_scan_leaves_other_places_alone(catalog: Catalog, tmp_path: Path) -> None:
    for name in ("png", "png2", "p%6Eg", "p_g"):
        fill(tmp_path / name, NAMES[:2])
    scan(catalog, tmp_path)
    before = rows_of(catalog)
    assert len(before) == 8
    for path in (tmp_path / "png").iterdir():
        path.unlink()
    found = scan(catalog, tmp_path / "png")
    assert (found.found, len(found.gone)) == (0, 2)
    changed = {uri for uri, row in rows_of(catalog).items() if row.problem}
    assert changed == {(tmp_path / "png" / name).as_uri() for name in NAMES[:2]}


def test_strangers_are_those_that_look_like_images(catalog: Catalog, tmp_path: Path) -> None:
    fill(tmp_path, NAMES[:1])
    for name in ("00000001_999.png", "._00000001_000.png", "x.DCM", "b.jpeg", f"{NAMES[1]}.png"):
        put(tmp_path / name, b"")
    for name in ("README", "notes.txt", ".png", "images_001.tar.gz", f"{NAMES[1]}.part"):
        put(tmp_path / name, b"")
    (tmp_path / "folder.png").mkdir()
    found = scan(catalog, tmp_path)
    names = {each.rpartition("/")[2] for each in found.strangers}
    assert names == {
        *("00000001_999.png", "._00000001_000.png", "x.DCM", "b.jpeg", f"{NAMES[1]}.png")
    }
    assert found.ok
    assert (found.found, len(rows_of(catalog))) == (1, 1)


def test_hostile_names(catalog: Catalog, tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/\xff\n\x1b[31m#?%41"
    folder = Path(os.fsdecode(raw))
    folder.mkdir()
    fill(folder, NAMES[:2])
    put(folder / "\udcfe\n.png", b"")
    put(folder / f"%30{NAMES[2][1:]}", picture(2))  # a name that only looks like an image's URI
    found = scan(catalog, tmp_path)
    assert (found.found, found.unchanged, len(found.strangers)) == (2, 0, 2)
    for uri in (*rows_of(catalog), *found.strangers):
        assert uri.isascii()
        assert uri.isprintable()
    assert counts(scan(catalog, tmp_path)) == (0, 0, 2, 0)
    assert counts(scan(catalog, folder)) == (0, 0, 2, 0)


def test_links_loops_and_pipes(catalog: Catalog, tmp_path: Path) -> None:
    folder = fill(tmp_path / "in" / "real", NAMES[:3])
    elsewhere = fill(tmp_path / "elsewhere", NAMES[3:5])
    (tmp_path / "in" / "a-link").symlink_to(folder)
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "more").symlink_to(elsewhere)
    (tmp_path / "in" / NAMES[5]).symlink_to(fill(tmp_path / "one", NAMES[5:6]) / NAMES[5])
    (tmp_path / "in" / NAMES[6]).symlink_to("nowhere")
    (tmp_path / "in" / NAMES[7]).symlink_to(NAMES[7])
    os.mkfifo(tmp_path / "in" / NAMES[8])
    found = scan(catalog, tmp_path / "in")
    assert found.ok
    assert (found.found, found.twice, found.damaged) == (6, (), ())
    assert set(rows_of(catalog)) == {
        *((folder / name).as_uri() for name in NAMES[:3]),
        *((tmp_path / "in" / "more" / name).as_uri() for name in NAMES[3:5]),
        (tmp_path / "in" / NAMES[5]).as_uri(),
    }
    assert counts(scan(catalog, tmp_path / "in")) == (0, 0, 6, 0)


def test_a_file_that_cannot_be_read_is_said_and_tried_again(
    catalog: Catalog, tmp_path: Path
) -> None:
    fill(tmp_path, NAMES[:3])
    scan(catalog, tmp_path)
    whole = rows_of(catalog)[(tmp_path / NAMES[0]).as_uri()]
    for name in (NAMES[0], NAMES[5]):
        (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / name).symlink_to("/proc/self/mem")  # which not even root can read from 0 on
    for _ in range(2):
        found = scan(catalog, tmp_path)
        assert [each.image for each in found.damaged] == [NAMES[0], NAMES[5]]
        assert all(
            each.problem == "unreadable: cannot be read: Input/output error"
            for each in found.damaged
        )
        assert (found.read, found.ok) == (2, False)
        row = rows_of(catalog)[whole.uri]
        assert (row.checksum, row.size) == (whole.checksum, whole.size)
    (tmp_path / NAMES[0]).unlink()
    put(tmp_path / NAMES[0], picture(0))
    found = scan(catalog, tmp_path)
    assert found.changed == ()
    assert rows_of(catalog)[whole.uri].problem is None


def test_a_folder_that_cannot_be_read_ends_the_scan_before_it_begins(
    catalog: Catalog, tmp_path: Path
) -> None:
    fill(tmp_path, NAMES)
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):  # together longer than a path may be
        os.mkdir("d" * 250, dir_fd=here)
        deeper = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    with pytest.raises(InputError, match="cannot be read: File name too long"):
        scan(catalog, tmp_path)
    assert rows_of(catalog) == {}


@pytest.mark.parametrize(
    ("place", "error", "words"),
    [
        ("nowhere/at/all", InputError, "there is no such folder or archive"),
        ("gcs-pgn", NotFoundError, "did you mean gcs-png"),
        ("dicomweb", UsageError, "cannot be scanned"),
        ("/dev/null", InputError, "there is no such folder or archive"),
        ("gs://", UsageError, "gs://BUCKET/PREFIX"),
    ],
)
def test_places_that_are_none(
    catalog: Catalog, place: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        scan(catalog, place)


class Broken:
    """Progress whose watcher interrupts the work after some bytes."""

    def __init__(self, after: int) -> None:
        self.left = after

    @contextmanager
    def task(self, *_: object) -> Iterator[Callable[[int], None]]:
        def advance(amount: int) -> None:
            self.left -= amount
            if self.left < 0:
                raise KeyboardInterrupt

        yield advance


def test_an_interrupted_scan_goes_on_from_there(catalog: Catalog, tmp_path: Path) -> None:
    names = names_with("Pneumothorax")[:2500]
    for name in names:
        put(tmp_path / name, picture())
    with pytest.raises(KeyboardInterrupt):
        scan(catalog, tmp_path, progress=Broken(1700 * len(picture())))
    assert len(rows_of(catalog)) == 1000
    found = scan(catalog, tmp_path)
    assert counts(found) == (1500, 0, 1000, 1500)
    assert len(rows_of(catalog)) == 2500


def test_dicom_files_are_known_by_the_stem(catalog: Catalog, tmp_path: Path) -> None:
    fill(tmp_path, NAMES[:2])
    paths = [
        put(tmp_path / "dicom" / f"{name[:-4]}.dcm", instance(number))
        for number, name in enumerate(NAMES[:6])
    ]
    put(paths[3], paths[3].read_bytes()[:-10])
    put(paths[4], b"not DICOM")
    put(paths[5], bytes(128) + b"DICM" + b"\xff" * 50)
    put(tmp_path / "dicom" / "x.dcm", instance(9))
    found = scan(catalog, tmp_path)
    assert (found.found, found.files, found.twice, found.differing) == (6, 8, (), ())
    assert [each.image for each in found.damaged] == NAMES[3:6]
    assert [each.rpartition("/")[2] for each in found.strangers] == ["x.dcm"]
    for number, path in enumerate(paths[:3]):
        (row,) = [each for each in catalog.replicas(NAMES[number]) if each.uri == path.as_uri()]
        assert (row.study, row.series, row.instance) == uids_of(number)
        assert row.checksum == str(of_bytes(path.read_bytes()))
        assert row.problem is None
    assert counts(scan(catalog, tmp_path)) == (0, 0, 8, 0)
    put(tmp_path / "again" / paths[0].name, instance(50))
    found = scan(catalog, tmp_path)
    assert [each.image for each in found.differing] == NAMES[:1]
    assert all(uri.endswith(".dcm") for uri, _ in found.differing[0].replicas)


def test_what_an_export_recorded_is_compared_too(catalog: Catalog, tmp_path: Path) -> None:
    fill(tmp_path, NAMES[:2])
    seen = replicas.Seen(0, "gs://b/x.png#1", 5, "xxh128:" + "0" * 32, stored="crc32c:00000000")
    with catalog._store.writing() as session:
        ordinal = min(catalog.members(f"name = '{NAMES[1]}'"))
        replicas.record(
            session, datasets.find(session), "gcs-png", [seen._replace(ordinal=ordinal)]
        )
    found = scan(catalog, tmp_path)
    assert [each.image for each in found.differing] == [NAMES[1]]
    assert not found.ok


def test_an_unknown_image_has_no_replicas(catalog: Catalog) -> None:
    assert catalog.replicas(NAMES[0]) == []
    with pytest.raises(NotFoundError, match="has no image 'x'"):
        catalog.replicas("x")
    with pytest.raises(NotFoundError, match="unknown dataset"):
        catalog.replicas(NAMES[0], "nih")
