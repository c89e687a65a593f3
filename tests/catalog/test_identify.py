"""Images of unknown origin: whose they are by name, bytes and look, and what is owed for them."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyroaring import BitMap

from cxrcat.catalog import Catalog, Request, datasets
from cxrcat.catalog.derive import Derivation
from cxrcat.catalog.export.transfer import ImageMode
from cxrcat.catalog.identify import by_names, nearest, shares
from cxrcat.catalog.identify.report import How, Identification
from cxrcat.catalog.identify.run import Wanted
from cxrcat.catalog.scan import Scan
from cxrcat.catalog.withdrawals import Withdraw
from cxrcat.schemas.errors import InputError, NotFoundError, UsageError

from ..checks import names_with
from ..orthanc import instance
from ..pictures import LONG_AGO, fill, picture, put, radiograph
from .small import write

NAMES = names_with("Hernia")[:12]
NIH = "nih-chest-xray@v2020"


def identify(catalog: Catalog, *places: Path | str, **options: Any) -> Identification:
    return catalog.identify(Wanted(tuple(map(str, places)), **options))


def listed(catalog: Catalog, *names: str) -> Identification:
    return identify(
        catalog, "-", stdin=io.BytesIO("\n".join(names).encode("utf-8", "surrogateescape"))
    )


def images_of(found: Identification) -> dict[str, tuple[str, str]]:
    """Return the image of each recognised file, by its own name, and how it was recognised."""
    (only,) = found.datasets
    return {each.path.rpartition("/")[2]: (each.image, each.how.value) for each in only.matches}


def films(folder: Path, names: list[str], size: int = 1024) -> Path:
    for number, name in enumerate(names):
        put(folder / name, radiograph(number, size=size))
    return folder


def changed(source: Path, target: Path, side: int) -> Path:
    """Write a smaller copy of an image."""
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.open(source).resize((side, side)).save(target)
    return target


@pytest.mark.parametrize(
    ("given_name", "how"),
    [
        ("00000013_005.png", "name"),
        ("/data/nih/images_001/images/00000013_005.png", "name"),
        ("C:\\nih\\00000013_005.png", "name"),
        ("00000013_005", "like"),
        ("00000013_005.jpg", "like"),
        ("00000013_005.PNG", "like"),
        ("00000013_005.nii.gz", "like"),
        ("00000013_005.png.jpg", "like"),
        ("00000013_005_resized.jpg", "like"),
        ("train_00000013_005.png", "like"),
        ("Chest00000013_005-224x224 (1).png", "like"),
        ("2024-01-02_00000013_005_v2.png", "like"),
        ("ünï 00000013_005 ☢.png", "like"),
        ('"00000013_005.png",', "name"),
    ],
)
def test_names_as_people_write_them(shared: Catalog, given_name: str, how: str) -> None:
    found = listed(shared, given_name, "something else.png")
    (only,) = found.datasets
    assert [(each.image, each.how.value) for each in only.matches] == [("00000013_005.png", how)]
    assert (found.files, found.recognised, only.patients) == (2, 1, 1)
    assert found.unknown == ("something else.png",)


@pytest.mark.parametrize(
    "name",
    [
        "00000013.png",
        "13_5.png",
        "100000013_005.png",
        "00000013_0051.png",
        "00000013-005.png",
        "99999999_005.png",
        "cat.png",
        "_.png",
        "." * 300,
        "7" * 10_000,
        "\ufffd",
        os.fsdecode(b"\xff"),
    ],
)
def test_other_names_are_not_guessed(shared: Catalog, name: str) -> None:
    found = listed(shared, "00000013_005.png", name)
    assert (found.files, found.recognised, len(found.unknown)) == (2, 1, 1)


def test_a_name_of_two_images_is_neither(shared: Catalog) -> None:
    found = listed(shared, "00000013_005_or_00000013_006.png", "00000013_005 = 00000013_005.png")
    (only,) = found.datasets
    (unsure,) = only.unsure
    assert unsure.images == ("00000013_005.png", "00000013_006.png")
    assert (found.recognised, found.unsure, found.unknown) == (1, 1, ())


ORDINALS = st.integers(0, 112_119)
AROUND = st.text("abz-_. (é", max_size=6)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None
)
@given(st.lists(st.tuples(ORDINALS, AROUND, AROUND), min_size=1, max_size=30))
def test_what_stands_around_a_name_does_not_hide_it(
    shared: Catalog, wanted: list[tuple[int, str, str]]
) -> None:
    with shared._store.reading() as session:
        dataset = datasets.find(session)
        from cxrcat.catalog import images

        ordinals = BitMap(ordinal for ordinal, _, _ in wanted)
        names = dict(zip(ordinals, images.names(session, dataset, ordinals), strict=True))
        written = {
            f"{before}{names[ordinal].removesuffix('.png')}{after}": ordinal
            for ordinal, before, after in wanted
        }
        (found,) = by_names(session, [*written, "no image at all"])
    assert {name: each.ordinal for name, each in found.found.items()} == written
    assert found.members() == ordinals
    assert found.ambiguous == {}


def test_many_names_are_found_as_few_are(shared: Catalog) -> None:
    names = [row.name for row in shared.images("effusion")][:5_000]
    draw = random.Random(1)
    written = {
        draw.choice([name, f"x_{name}", name.replace(".png", "_224.jpg")]): name for name in names
    }
    strangers = [f"stranger_{number}_2024_01.png" for number in range(25_000)]
    with shared._store.reading() as session:
        (found,) = by_names(session, [*written, *strangers])
        (few,) = by_names(session, list(written)[:50])
    assert len(found.found) == 5_000
    assert all(found.found[name].exact == (name == original) for name, original in written.items())
    assert few.found == {name: found.found[name] for name in list(written)[:50]}


def test_the_nearest_subsets_are_the_nearest(shared: Catalog) -> None:
    members = BitMap(shared.members("hernia or (mass and nodule)"))
    with shared._store.reading() as session:
        every = list(shares(session, datasets.find(session), members))
        top = nearest(every, 5)
    expected = {}
    for each in shared.subsets():
        its = BitMap(shared.members(f"in_subset('{each.name}')"))
        if its & members:
            expected[f"{each.name}@1"] = len(its & members) / len(its | members)
    assert {each.subset: each.jaccard for each in every} == pytest.approx(expected)
    assert [each.jaccard for each in top] == sorted(expected.values(), reverse=True)[:5]
    hernia = next(each for each in every if each.subset == "hernia@1")
    assert (hernia.shared, hernia.images, hernia.of_subset) == (227, 227, 1.0)
    assert hernia.of_images == 227 / len(members)
    assert not any(each.exact for each in every)


def test_an_exact_subset_is_named_with_its_duties(catalog: Catalog) -> None:
    catalog.create_subset("boxed", "boxed(nodule)")
    names = [row.name for row in catalog.images("boxed")]
    (only,) = listed(catalog, *names).datasets
    assert only.exact is not None
    assert (only.exact.subset, only.exact.jaccard, only.duties_of) == ("boxed@1", 1.0, "boxed@1")
    because = {each.id: each.because for each in only.duties}
    assert set(because) == {"nih-link", "nih-citation", "nih-acknowledgement"}
    assert any("boxed(nodule)" in each for each in because["nih-citation"])
    (cited,) = [each for each in only.duties if each.kind == "citation"]
    assert cited.reference is not None
    assert "ChestX-ray8" in cited.reference
    (fewer,) = listed(catalog, *names[1:]).datasets
    assert (fewer.exact, fewer.duties_of) == (None, None)
    assert (fewer.nearest[0].subset, fewer.nearest[0].of_images) == ("boxed@1", 1.0)


def test_every_version_counts(catalog: Catalog) -> None:
    names = [row.name for row in catalog.images("hernia")]
    catalog.withdraw(Withdraw("burned-in name", images=(names[0],)))
    (old,) = listed(catalog, *names).datasets
    (new,) = listed(catalog, *names[1:]).datasets
    assert [each.exact and each.exact.subset for each in (old, new)] == ["hernia@1", "hernia@2"]
    assert (old.withdrawn, new.withdrawn) == ((names[0],), ())


def test_exports_and_projects_hold_them(catalog: Catalog, tmp_path: Path) -> None:
    images = fill(tmp_path / "images", names_with("Hernia"))
    request = Request("hernia", tmp_path / "out", ImageMode.COPY, source=images, project="ward-7")
    manifest, _ = catalog.export(request)
    catalog.export(Request("mass", tmp_path / "mass"))
    catalog.export(Request("edema", tmp_path / "edema"))
    found = identify(catalog, tmp_path / "out")
    (only,) = found.datasets
    assert (found.recognised, found.unknown, only.images) == (227, (), 227)
    held = only.exports[0]
    assert (held.id, held.project, held.here) == (manifest.export.id, "ward-7", True)
    assert (held.share.exact, held.state) == (True, "published")
    assert [each.share.jaccard for each in only.exports] == sorted(
        (each.share.jaccard for each in only.exports), reverse=True
    )
    assert only.projects == ("ward-7",)
    (elsewhere,) = identify(catalog, images).datasets
    assert [each.here for each in elsewhere.exports] == [False] * len(elsewhere.exports)


def test_bytes_tell_what_a_name_does_not(catalog: Catalog, tmp_path: Path) -> None:
    fill(tmp_path / "nih", NAMES)
    catalog.scan(Scan((str(tmp_path / "nih"),)))
    for number, name in enumerate(NAMES[:4]):
        shutil.copy(tmp_path / "nih" / name, put(tmp_path / "lost" / f"{number}.png", b""))
    put(tmp_path / "lost" / "other.png", picture(99))
    put(tmp_path / "lost" / "small.png", b"no picture")
    found = identify(catalog, tmp_path / "lost")
    assert images_of(found) == {f"{n}.png": (name, "checksum") for n, name in enumerate(NAMES[:4])}
    assert len(found.unknown) == 2
    assert "cxrcat scan --fingerprints" in found.remarks[0]
    assert identify(catalog, tmp_path / "lost", names_only=True).recognised == 0


def test_the_same_bytes_under_two_names_are_neither(catalog: Catalog, tmp_path: Path) -> None:
    for name in NAMES[:2]:
        put(tmp_path / "nih" / name, picture(5))
    catalog.scan(Scan((str(tmp_path / "nih"),)))
    put(tmp_path / "lost" / "film.png", picture(5))
    found = identify(catalog, tmp_path / "lost")
    (only,) = found.datasets
    assert (found.recognised, found.unsure, found.unknown, only.images) == (0, 1, (), 0)
    assert only.unsure[0].images == tuple(NAMES[:2])
    assert only.unsure[0].how is How.CHECKSUM


def test_looks_tell_what_bytes_do_not(catalog: Catalog, tmp_path: Path) -> None:
    nih = films(tmp_path / "nih", NAMES)
    report = catalog.scan(Scan((str(nih),), fingerprints=True))
    assert (report.fingerprints, report.ok) == (12, True)
    lost = tmp_path / "lost"
    for number, name in enumerate(NAMES):
        side, suffix = ((224, "png"), (512, "jpg"), (300, "webp"))[number % 3]
        changed(nih / name, lost / "deep" / f"{number}.{suffix}", side)
    put(lost / "stranger.png", radiograph(500, size=256))
    put(lost / "blank.png", picture(3, 300, 300))
    put(lost / "notes.txt", b"not an image")
    found = identify(catalog, lost)
    by_number = {name.partition(".")[0]: each for name, each in images_of(found).items()}
    assert by_number == {str(n): (name, "look") for n, name in enumerate(NAMES)}
    assert [Path(each).name for each in found.unknown] == ["blank.png", "stranger.png"]
    assert (found.files, found.recognised, found.others) == (14, 12, 1)
    assert found.remarks == ()
    (only,) = found.datasets
    assert only.files == {How.NAME: 0, How.LIKE: 0, How.CHECKSUM: 0, How.LOOK: 12}
    assert all(each.bits is not None and each.bits <= 6 for each in only.matches)


def test_a_scan_looks_at_what_lacks_a_fingerprint_alone(catalog: Catalog, tmp_path: Path) -> None:
    nih = films(tmp_path / "nih", NAMES[:4])

    def scan(**options: Any) -> tuple[int, int, int]:
        report = catalog.scan(Scan((str(nih),), **options))
        assert report.ok
        return report.read, report.unchanged, report.fingerprints

    assert scan() == (4, 0, 0)
    assert scan(fingerprints=True) == (4, 4, 4)
    assert scan(fingerprints=True) == (0, 4, 0)
    put(nih / NAMES[4], radiograph(4))
    assert scan(fingerprints=True) == (1, 4, 1)
    assert scan(fingerprints=True, full=True) == (5, 5, 5)
    assert scan() == (0, 5, 0)


def test_other_bytes_have_another_look(catalog: Catalog, tmp_path: Path) -> None:
    nih = films(tmp_path / "nih", NAMES[:3])
    catalog.scan(Scan((str(nih),), fingerprints=True))
    put(nih / NAMES[0], radiograph(50), LONG_AGO + 1)
    catalog.scan(Scan((str(nih),)))
    put(tmp_path / "lost" / "before.jpg", radiograph(0, size=256))
    put(tmp_path / "lost" / "after.jpg", radiograph(50, size=256))
    assert identify(catalog, tmp_path / "lost").recognised == 0
    assert catalog.scan(Scan((str(nih),), fingerprints=True)).fingerprints == 1
    assert images_of(identify(catalog, tmp_path / "lost")) == {"after.jpg": (NAMES[0], "look")}


def test_a_scan_finds_pixels_that_cannot_be_decoded(catalog: Catalog, tmp_path: Path) -> None:
    from ..pictures import chunk

    whole = picture(1)
    header = whole[: whole.index(b"IDAT") - 4]
    put(tmp_path / NAMES[0], header + chunk(b"IDAT", b"no zlib at all") + chunk(b"IEND", b""))
    assert catalog.scan(Scan((str(tmp_path),))).ok
    report = catalog.scan(Scan((str(tmp_path),), fingerprints=True))
    assert [each.image for each in report.damaged] == [NAMES[0]]
    assert "cannot be decoded" in report.damaged[0].problem
    assert report.fingerprints == 0
    again = catalog.scan(Scan((str(tmp_path),), fingerprints=True))
    assert (again.read, len(again.damaged)) == (0, 1)


def test_a_scan_of_archives_and_dicom_looks_too(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "images_001.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for number, name in enumerate(NAMES[:3]):
            data = radiograph(number)
            info = tarfile.TarInfo(f"images/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    assert catalog.scan(Scan((str(path),))).fingerprints == 0
    assert catalog.scan(Scan((str(path),), fingerprints=True)).fingerprints == 3
    assert catalog.scan(Scan((str(path),), fingerprints=True)).read == 0
    put(tmp_path / "lost" / "a.png", radiograph(1, size=256))
    found = identify(catalog, tmp_path / "lost")
    assert images_of(found) == {"a.png": (NAMES[1], "look")}


def test_dicom_instances_owe_their_conversion(catalog: Catalog, tmp_path: Path) -> None:
    put(tmp_path / NAMES[0].replace(".png", ".dcm"), instance(1))
    (only,) = identify(catalog, tmp_path).datasets
    assert only.files[How.LIKE] == 1
    assert "google-conversion" in {each.id for each in only.duties}


def test_contents_contradict_names(catalog: Catalog, tmp_path: Path) -> None:
    nih = films(tmp_path / "nih", NAMES[:4])
    catalog.scan(Scan((str(nih),), fingerprints=True))
    lost = tmp_path / "lost"
    shutil.copy(nih / NAMES[0], put(lost / NAMES[1], b""))  # another image's bytes
    changed(nih / NAMES[2], lost / NAMES[3], 300)  # another image's look
    changed(nih / NAMES[2], lost / NAMES[2], 300)
    changed(nih / NAMES[2], lost / NAMES[8], 300)  # nobody knows how this one should look
    assert identify(catalog, lost).datasets[0].contradictions == ()
    (only,) = identify(catalog, lost, contents=True).datasets
    told = [
        (Path(each.path).name, each.named, each.image, each.how) for each in only.contradictions
    ]
    assert sorted(told) == sorted(
        [
            (NAMES[1], NAMES[1], NAMES[0], How.CHECKSUM),
            (NAMES[3], NAMES[3], NAMES[2], How.LOOK),
        ]
    )
    assert {each.image: len(each.paths) for each in only.twice} == {NAMES[2]: 2}
    assert only.images == 3


def test_archives_are_listed_and_read_when_asked(catalog: Catalog, tmp_path: Path) -> None:
    nih = films(tmp_path / "nih", NAMES[:6])
    catalog.scan(Scan((str(nih),), fingerprints=True))
    held = tmp_path / "held"
    held.mkdir()
    small = changed(nih / NAMES[2], tmp_path / "small.png", 224)
    with zipfile.ZipFile(held / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(nih / NAMES[0], f"x/{NAMES[0]}")
        archive.write(nih / NAMES[1], "x/one.png")
        archive.write(small, "../../two.png")
        archive.writestr("x/readme.txt", "text")
        archive.writestr("x/\x1b[31m.png", "no picture")
    with tarfile.open(tmp_path / "b.tgz", "w:gz") as tar:
        tar.add(nih / NAMES[3], f"y/{NAMES[3]}")
        tar.add(nih / NAMES[4], "y/three.png")
    shutil.copy(tmp_path / "b.tgz", held / "c.tar.gz")
    found = identify(catalog, held, tmp_path / "b.tgz")
    assert images_of(found) == {NAMES[0]: (NAMES[0], "name"), NAMES[3]: (NAMES[3], "name")}
    assert any("1 tar archives" in each for each in found.remarks)
    assert any("4 members of archives" in each for each in found.remarks)
    read = identify(catalog, held, tmp_path / "b.tgz", contents=True)
    assert images_of(read) == {
        NAMES[0]: (NAMES[0], "name"),
        NAMES[3]: (NAMES[3], "name"),
        "one.png": (NAMES[1], "checksum"),
        "two.png": (NAMES[2], "look"),
        "three.png": (NAMES[4], "checksum"),
    }
    assert len(read.problems) == 1
    assert not (tmp_path / "two.png").exists()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("cut.zip", lambda data: data[: len(data) // 2]),
        ("turned.zip", lambda data: data[:40] + bytes(200) + data[240:]),
        ("many.zip", lambda data: data[:-10] + b"\xff\xff\xff\x7f" + data[-6:]),
        ("cut.tgz", lambda data: data[: len(data) // 2]),
        ("bomb.tgz", lambda _: gzipped(b"\0" * (1 << 27))),
    ],
)
def test_hostile_archives_are_noted(catalog: Catalog, tmp_path: Path, name: str, make: Any) -> None:
    path = tmp_path / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(NAMES[0], radiograph(1, size=128))
    else:
        with tarfile.open(path, "w:gz") as tar:
            for number in range(3):
                info = tarfile.TarInfo(NAMES[number])
                info.size = 30_000
                tar.addfile(info, io.BytesIO(random.Random(number).randbytes(30_000)))
    path.write_bytes(make(path.read_bytes()))
    put(tmp_path / "folder" / NAMES[5], b"")
    found = identify(catalog, path, tmp_path / "folder", contents=True)
    assert NAMES[5] in images_of(found)
    assert found.problems
    assert all(each.path.startswith(str(path)) for each in found.problems[:1])


def gzipped(data: bytes) -> bytes:
    head = io.BytesIO()
    with tarfile.open(fileobj=head, mode="w") as tar:
        info = tarfile.TarInfo("x.png")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return gzip.compress(head.getvalue())


def test_a_zip_bomb_is_left(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.png", b"\0" * (1 << 26))
    assert len(identify(catalog, path).unknown) == 3
    found = identify(catalog, path, contents=True)
    assert "is no whole archive" in found.problems[-1].problem


def test_a_hostile_folder_is_walked(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "lost"
    folder.mkdir()
    (folder / "round").symlink_to(folder)
    (folder / NAMES[0]).symlink_to("/nowhere")
    (folder / NAMES[1]).symlink_to("/dev/zero")
    os.mkfifo(folder / NAMES[2])
    (folder / NAMES[3]).write_bytes(b"")
    (folder / "\x1b[2J00000013_005\n.png").write_bytes(b"x")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff00000013_006.png")).write_bytes(b"x")
    (folder / "closed").mkdir(mode=0o000)
    deep = folder
    for _ in range(60):
        deep /= "d"
    deep.mkdir(parents=True)
    (deep / NAMES[4]).write_bytes(b"x")
    (folder / "README").write_text("no image")
    try:
        found = identify(catalog, folder, contents=True)
    finally:
        (folder / "closed").chmod(0o700)
    (only,) = found.datasets
    assert {each.image for each in only.matches} == {
        *(NAMES[0], NAMES[1], NAMES[3], NAMES[4]),
        *("00000013_005.png", "00000013_006.png"),
    }
    assert (found.files, found.unknown) == (6, ())
    for each in only.matches:
        each.path.encode()  # no half of a letter


def test_tables_and_lists_are_read(catalog: Catalog, tmp_path: Path) -> None:
    rows = [f"{number};{name};x_{name[:5]}" for number, name in enumerate(NAMES)]
    table = put(tmp_path / "train.csv", "\n".join(["id;Image Index;z", *rows]).encode("utf-8-sig"))
    plain = put(tmp_path / "names", ("Image\r\n" + "\r\n\r\n".join(NAMES)).encode())
    # Two members, as 'cat a.gz b.gz' makes them.
    halves = ("\n".join(NAMES[:5]) + "\n", "\n".join(NAMES[5:]))
    packed = put(tmp_path / "names.gz", b"".join(gzip.compress(each.encode()) for each in halves))
    for path in (table, plain, packed):
        found = identify(catalog, path)
        assert (found.files, found.recognised, found.datasets[0].images) == (12, 12, 12)
    assert identify(catalog, table, plain, packed).datasets[0].twice[0].paths == (NAMES[0],) * 3
    assert listed(catalog).files == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a\0b", "no list of names"),
        ("00000013_005.png".encode("utf-16"), "no list of names"),
        (b"\x1f\x8bnothing", "is no image"),
        (b'a,"' + b"x" * 200_000 + b"\n", "is no table"),
        (gzip.compress(b"00000013_005.png\n" * 99)[:-9], "cannot be read"),
    ],
)
def test_what_is_no_list_is_refused(
    shared: Catalog, tmp_path: Path, data: bytes, words: str
) -> None:
    path = put(tmp_path / "list", data)
    with pytest.raises(InputError, match=words) as caught:
        identify(shared, path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_wrong_questions_are_refused(shared: Catalog, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        identify(shared, tmp_path / "nothing")
    with pytest.raises(InputError, match="null"):
        identify(shared, "a\0b")
    with pytest.raises(NotFoundError, match="nih-chest-xray"):
        identify(shared, tmp_path, dataset="nih-chest-ray")
    with pytest.raises(UsageError, match="--names-only"):
        identify(shared, tmp_path, contents=True, names_only=True)
    assert identify(shared, tmp_path).files == 0


def test_each_dataset_knows_its_own(catalog: Catalog, tmp_path: Path) -> None:
    catalog.add_dataset(write(tmp_path / "ward"))
    found = listed(catalog, "film-01.png", "x film-02 x.jpg", "01.png", *NAMES[:5])
    assert [(each.dataset, each.images) for each in found.datasets] == [(NIH, 5), ("ward@v1", 2)]
    assert [each.id for each in found.datasets[1].duties] == ["thanks"]
    assert found.unknown == ("01.png",)
    (ward,) = identify(
        catalog, "-", dataset="ward", stdin=io.BytesIO(b"film-01.png\n00000013_005.png")
    ).datasets
    assert (ward.dataset, ward.images) == ("ward@v1", 1)


def test_releases_named_alike_are_one(catalog: Catalog, tmp_path: Path) -> None:
    from .generations import november

    table = tmp_path / "Data_Entry_2017.csv"
    november(table)
    catalog.ingest_release("nih-chest-xray@v2017-11", table)
    derivation = Derivation("hernia")
    catalog.create_subset("old", dataset="nih-chest-xray@v2017-11", derivation=derivation)
    names = [row.name for row in catalog.images("nih-chest-xray@v2017-11/old")]
    (only,) = listed(catalog, *names).datasets
    assert only.dataset == NIH
    assert only.exact is not None
    assert (only.exact.dataset, only.exact.subset) == ("nih-chest-xray@v2017-11", "old@1")
    assert only.duties
