"""Images in .tar.gz archives: read in place, from archives that are whole, damaged or hostile."""

from __future__ import annotations

import gzip
import io
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import xxhash

from cxrcat.catalog.progress import SILENT, Advance
from cxrcat.catalog.sources import archive_index, archives
from cxrcat.catalog.sources.archives import Archives
from cxrcat.schemas.errors import InputError, UsageError

from ...archives import file, pack, spec, special
from ...conftest import png

NAMES = [f"film-{number:02}.png" for number in range(20)]
DATA = {name: png(seed=number, padding=number * 997) for number, name in enumerate(NAMES)}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache" / "of" / "cxrcat"
    monkeypatch.setenv("CXRCAT_CACHE", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two archives of ten films each."""
    place = tmp_path / "archives"
    place.mkdir()
    pack(place / "films_1.tar.gz", [(f"films/{name}", DATA[name]) for name in NAMES[:10]])
    pack(place / "films_2.tar.gz", [(f"./a/b/{name}", DATA[name]) for name in NAMES[10:]])
    return place


def bring(source: Archives, names: list[str], target: Path) -> dict[str, bytes]:
    target.mkdir(exist_ok=True)
    found = source.find(names, SILENT)
    brought = {}
    for name, each in found.items():
        size, checksum = source.bring(name, each, str(target / name), False)
        brought[name] = (target / name).read_bytes()
        assert size == each.size == len(brought[name])
        assert checksum.digest == xxhash.xxh3_128_hexdigest(brought[name])
    assert sorted(path.name for path in target.iterdir()) == sorted(brought)
    return brought


def opened(folder: Path) -> Archives:
    return Archives(spec(), folder)


class Watched:
    """Progress that tells which archives were read."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, int | None]] = []
        self.came = 0

    @contextmanager
    def task(self, label: str, total: int | None, unit: str) -> Iterator[Advance]:
        assert unit == "bytes"
        self.tasks.append((label, total))

        def advance(amount: int) -> None:
            self.came += amount

        yield advance


def test_images_come_as_they_were_packed(folder: Path, tmp_path: Path) -> None:
    (folder / "readme.pdf").write_bytes(b"unrelated")
    pack(folder / "other.tar.gz", [(NAMES[0], b"no archive of the source")])
    source = opened(folder)
    assert bring(source, [*reversed(NAMES), "film-99.png"], tmp_path / "out") == DATA
    found = source.find(NAMES, SILENT)
    first, last = found[NAMES[0]], found[NAMES[-1]]
    assert first.address == f"{folder}/films_1.tar.gz#films/film-00.png"
    assert source.uri_of(first) == f"file://{folder}/films_1.tar.gz#films/film-00.png"
    assert source.public_uri(NAMES[0], first) == "https://ward.example/films#films_1.tar.gz"
    assert source.uri_of(last) == f"file://{folder}/films_2.tar.gz#./a/b/film-19.png"
    assert source.public_uri(NAMES[-1], last) == "https://ward.example/films#films_2.tar.gz"
    source.close()


def test_some_of_the_archives(folder: Path) -> None:
    (folder / "films_1.tar.gz").unlink()
    assert sorted(opened(folder).find(NAMES, SILENT)) == NAMES[10:]
    (folder / "films_2.tar.gz").rename(folder / "films_2.tar.gz.part")
    with pytest.raises(InputError, match=r"holds none of films_1.tar.gz, films_2.tar.gz; 'cxrcat"):
        opened(folder)
    os.mkfifo(folder / "films_1.tar.gz")
    (folder / "films_2.tar.gz").mkdir()
    with pytest.raises(InputError, match="holds none of"):
        opened(folder)
    with pytest.raises(InputError, match="there is no such folder"):
        opened(folder / "nowhere")


def test_names_that_are_no_text(tmp_path: Path) -> None:
    place = tmp_path / "a #b%"
    place.mkdir()
    with tarfile.open(place / "films_1.tar.gz", "w:gz", format=tarfile.GNU_FORMAT) as archive:
        info = file(os.fsdecode(b"\xff\xfe#/film-00.png"), DATA[NAMES[0]])
        archive.addfile(info, io.BytesIO(DATA[NAMES[0]]))
    for _ in range(2):  # from the archive, and from its index
        source = opened(place)
        found = source.find(NAMES, SILENT)
        assert source.uri_of(found[NAMES[0]]) == (
            f"file://{tmp_path}/a%20%23b%25/films_1.tar.gz#%FF%FE%23/film-00.png"
        )


def test_an_archive_is_read_once(folder: Path, tmp_path: Path) -> None:
    first, second = Watched(), Watched()
    total = sum(path.stat().st_size for path in folder.iterdir())
    opened(folder).find(NAMES, first)
    assert (first.tasks, first.came) == ([("indexing", total)], total)
    source = opened(folder)
    source.find(NAMES, second)
    assert second.tasks == []
    assert bring(source, NAMES, tmp_path / "out") == DATA


def test_an_archive_that_is_replaced_is_read_again(folder: Path, tmp_path: Path) -> None:
    opened(folder).find(NAMES, SILENT)
    pack(folder / "films_2.tar.gz", [(NAMES[11], DATA[NAMES[12]])])
    watched = Watched()
    source = opened(folder)
    assert sorted(source.find(NAMES, watched)) == [*NAMES[:10], NAMES[11]]
    assert watched.tasks == [("indexing", (folder / "films_2.tar.gz").stat().st_size)]
    assert bring(source, NAMES, tmp_path / "out")[NAMES[11]] == DATA[NAMES[12]]


def _write_unseen(path: Path, data: bytes) -> None:
    """Change a file so that its size and its time stay as they are."""
    status = path.stat()
    assert len(data) == status.st_size
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("fault", ["another image", "zeros", "no gzip", "cut off"])
def test_an_archive_that_changes_unseen_brings_no_wrong_byte(
    folder: Path, tmp_path: Path, fault: str
) -> None:
    path = folder / "films_1.tar.gz"
    image = png(seed=1, padding=100_000)
    noise = random.Random(1).randbytes(len(image))
    with tarfile.open(path, "w:gz", compresslevel=0) as archive:
        archive.addfile(file(NAMES[0], image), io.BytesIO(image))
    opened(folder).find(NAMES, SILENT)
    whole = path.read_bytes()
    match fault:
        case "another image":
            path2 = tmp_path / "other.tar.gz"
            other = image[:60] + noise[: len(image) - 120] + image[-60:]
            with tarfile.open(path2, "w:gz", compresslevel=0) as archive:
                archive.addfile(file(NAMES[0], other), io.BytesIO(other))
            data = path2.read_bytes()
            data = data[: len(whole)] + bytes(max(0, len(whole) - len(data)))
        case "zeros":
            data = bytes(len(whole))
        case "no gzip":
            data = (noise * 2)[: len(whole)]
        case _:
            data = whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2)
    _write_unseen(path, data)
    source = opened(folder)
    found = source.find(NAMES[:1], SILENT)
    with pytest.raises(InputError, match="not what it was when it was indexed"):
        source.bring(NAMES[0], found[NAMES[0]], str(tmp_path / "out.png"), False)
    assert not (tmp_path / "out.png").exists()
    watched = Watched()  # the index was forgotten
    if fault == "another image":
        found = opened(folder).find(NAMES[:1], watched)
    else:
        with pytest.raises(InputError, match="is no whole"):
            opened(folder).find(NAMES[:1], watched)
    assert len(watched.tasks) == 1


def _reseal(data: bytes) -> bytes:
    return xxhash.xxh3_128_digest(data) + data


INDEX_FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "short": lambda data: data[:10],
    "cut off": lambda data: data[:-1],
    "a wrong byte": lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
    "a wrong byte of the points": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    "not JSON": lambda _: _reseal(b"{"),
    "other JSON": lambda _: _reseal(b"[1, 2]\n"),
    "no members": lambda _: _reseal(b'{"of": 1}\n'),
    "of another file": lambda data: _reseal(data[16:].replace(b"films_", b"filmy_", 1)),
}


@pytest.mark.parametrize("fault", INDEX_FAULTS)
def test_a_damaged_index_is_made_anew(
    folder: Path, tmp_path: Path, cache: Path, fault: str
) -> None:
    opened(folder).find(NAMES, SILENT)
    entries = {path: path.read_bytes() for path in cache.iterdir()}
    assert len(entries) == 2
    for path, data in entries.items():
        path.write_bytes(INDEX_FAULTS[fault](data))
    watched = Watched()
    source = opened(folder)
    source.find(NAMES, watched)
    assert len(watched.tasks) == 1
    assert bring(source, NAMES, tmp_path / "out") == DATA
    assert {path: path.read_bytes() for path in cache.iterdir()} == entries


@pytest.mark.parametrize("place", ["/dev/null/cache", "/proc/cxrcat"])
def test_without_a_place_for_the_index(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("CXRCAT_CACHE", place)
    assert bring(opened(folder), NAMES, tmp_path / "out") == DATA


def test_an_index_that_goes_away_between_finding_and_bringing(
    folder: Path, tmp_path: Path, cache: Path
) -> None:
    source = opened(folder)
    found = source.find(NAMES, SILENT)
    for path in cache.iterdir():
        path.unlink()
    for name in NAMES:
        source.bring(name, found[name], str(tmp_path / name), False)
        assert (tmp_path / name).read_bytes() == DATA[name]


def test_from_the_user_s_own_cache_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXRCAT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    opened(folder).find(NAMES, SILENT)
    assert len(list((tmp_path / "xdg" / "cxrcat").iterdir())) == 2


def test_large_archives_from_several_threads(tmp_path: Path) -> None:
    draw = random.Random(5)  # so that there are many seek points, and images across them
    images = {
        name: png(seed=number)[:33] + draw.randbytes(700_000) + png()[-12:]
        for number, name in enumerate(NAMES * 2)
    }
    pack(tmp_path / "films_1.tar.gz", images.items())
    assert (tmp_path / "films_1.tar.gz").stat().st_size > 3 * archive_index.SPACING
    source = opened(tmp_path)
    found = source.find(NAMES, SILENT)
    names = NAMES * 4
    draw.shuffle(names)

    def one(job: tuple[int, str]) -> None:
        number, name = job
        target = tmp_path / str(number)
        source.bring(name, found[name], str(target), False)
        assert target.read_bytes() == images[name]

    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(one, enumerate(names)))) == len(names)


def test_two_members_of_one_name(folder: Path, tmp_path: Path) -> None:
    name, path = NAMES[0], folder / "films_2.tar.gz"
    pack(path, [(f"copy/{name}", DATA[name])])
    for _ in range(2):  # whichever index is known already, the first archive is meant
        found = opened(folder).find(NAMES, SILENT)
        assert found[name].address == f"{folder}/films_1.tar.gz#films/{name}"
        (folder / "films_1.tar.gz").touch()
    pack(path, [(f"a/{name}", DATA[name]), (f"b/{name}", DATA[name][:-1] + b"x")])
    with pytest.raises(InputError, match=rf"{name} is there twice.*films_1.*films_2.*b/{name}"):
        opened(folder).find(NAMES, SILENT)
    assert sorted(opened(folder).find(NAMES[1:], SILENT)) == NAMES[1:10]  # which is not asked for
    pack(path, [(name, DATA[NAMES[1]])])
    with pytest.raises(InputError, match="is there twice with different bytes"):
        opened(folder).find(NAMES, SILENT)
    assert list(tmp_path.glob("*.png")) == []


@pytest.mark.parametrize("path", ["../../{}", "/{}", "a/../../{}", "/../{}", "x\n/{}", "C:\\/{}"])
def test_names_that_lead_out_lead_nowhere(tmp_path: Path, path: str) -> None:
    inner = tmp_path / "in" / "archives"
    inner.mkdir(parents=True)
    pack(inner / "films_1.tar.gz", [(path.format(name), DATA[name]) for name in NAMES])
    before = {each for each in tmp_path.rglob("*") if "cache" not in each.parts}
    assert bring(opened(inner), NAMES, tmp_path / "in" / "out") == DATA
    after = {each for each in tmp_path.rglob("*") if not {"cache", "out"} & set(each.parts)}
    assert after == before
    assert not Path("/", NAMES[0]).exists()


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
        tarfile.DIRTYPE,
        b"V",
    ],
    ids=["symlink", "hard link", "device", "block device", "pipe", "folder", "label"],
)
def test_what_is_no_file_is_no_image(tmp_path: Path, kind: bytes) -> None:
    members = [special(NAMES[0], kind, "/etc/passwd"), (NAMES[1], DATA[NAMES[1]])]
    members += [special(f"x/{NAMES[1]}", kind, "../../y")]
    pack(tmp_path / "films_1.tar.gz", members)
    assert bring(opened(tmp_path), NAMES, tmp_path / "out") == {NAMES[1]: DATA[NAMES[1]]}


@pytest.mark.parametrize("format_", ["gnu", "posix"])
def test_sparse_members_are_no_images(tmp_path: Path, format_: str) -> None:
    (tmp_path / NAMES[0]).touch()
    os.truncate(tmp_path / NAMES[0], 10 << 30)
    (tmp_path / NAMES[1]).write_bytes(DATA[NAMES[1]])
    command = ["tar", "-cSzf", "films_1.tar.gz", f"--format={format_}", *NAMES[:2]]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert bring(opened(tmp_path), NAMES, tmp_path / "out") == {NAMES[1]: DATA[NAMES[1]]}


def _headers(*names_and_sizes: tuple[str, int]) -> bytes:
    text = b""
    for name, size in names_and_sizes:
        info = tarfile.TarInfo(name)
        info.size = size
        text += info.tobuf(tarfile.GNU_FORMAT)
    return text


def _damaged_header() -> bytes:
    tar = bytearray(gzip.decompress(_packed()))
    tar[512 + 1024 + 5] ^= 0xFF  # in the name of the second member
    return gzip.compress(bytes(tar))


def _packed(members: int = 3) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for number in range(members):
            archive.addfile(file(f"m{number}", bytes(1000)), io.BytesIO(bytes(1000)))
    return stream.getvalue()


def _with_pax(**facts: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = file(NAMES[0], b"")
        info.pax_headers = dict(facts)
        archive.addfile(info)
    return stream.getvalue()


def _bomb() -> bytes:
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=9) as packed:
        packed.write(_headers((NAMES[0], 1 << 30)))
        for _ in range(160):
            packed.write(bytes(1 << 20))
    return stream.getvalue()


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is no whole .tar.gz archive"),
    "not a gzip": (lambda: _headers(("a", 0)), "Not a gzipped file"),
    "a gzip of nothing": (lambda: gzip.compress(b""), "empty file"),
    "a gzip of something else": (lambda: gzip.compress(b"x" * 5000), "is no whole"),
    "a gzip bomb": (_bomb, "bytes of it become"),
    "a 10 GB file that ends early": (
        lambda: gzip.compress(_headers((NAMES[0], 10 << 30))),
        "is no whole",
    ),
    "a damaged header": (_damaged_header, "the header at byte 1,536 is damaged"),
    "a negative size": (lambda: gzip.compress(_headers(("a", -512)) * 3), "is no whole"),
    "a large negative size": (lambda: gzip.compress(_headers(("a", -(1 << 40)))), "is no whole"),
    "a negative size in words": (lambda: _with_pax(size="-1000"), "is no whole"),
    "a huge size in words": (lambda: _with_pax(size="9" * 30), "is no whole"),
    "attributes without end": (
        lambda: _with_pax(comment="x" * (9 << 20)),
        "more than 8,388,608 bytes stand between two of its files",
    ),
    "a folder with bytes": (
        lambda: gzip.compress(
            special("a", b"Z").tobuf()[:124]
            + _headers(("a", 20 << 20))[124:136]
            + special("a", b"Z").tobuf()[136:]
        ),
        "is no whole",
    ),
    "long names without end": (
        lambda: gzip.compress(b"".join(_long_name() for _ in range(3000))),
        "is no whole",
    ),
    "garbage behind it": (lambda: _packed() + b"garbage" * 100, "Not a gzipped file"),
}


def _long_name() -> bytes:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 5
    return info.tobuf(tarfile.GNU_FORMAT) + b"name\0" + bytes(507)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_end_clearly(tmp_path: Path, name: str) -> None:
    make, words = HOSTILE[name]
    (tmp_path / "films_1.tar.gz").write_bytes(make())
    for _ in range(2):  # no index was kept
        with pytest.raises(InputError, match=words) as raised:
            opened(tmp_path).find(NAMES, SILENT)
        assert "\n" not in str(raised.value)
        assert str(tmp_path / "films_1.tar.gz") in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["films_1.tar.gz"]


def test_every_cut_and_every_wrong_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "films_1.tar.gz"
    draw = random.Random(9)
    pack(path, [(name, DATA[name][:-12] + draw.randbytes(5000)) for name in NAMES[:5]])
    whole = path.read_bytes()
    for cut in {0, 1, 9, 10, 11, len(whole) - 9, len(whole) - 8, len(whole) - 1}:
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError, match="is no whole"):
            opened(tmp_path).find(NAMES, SILENT)
    for place in [*draw.sample(range(40, len(whole)), 40), *range(len(whole) - 8, len(whole))]:
        data = bytearray(whole)
        data[place] ^= 1 << draw.randrange(8)
        path.write_bytes(data)
        with pytest.raises(InputError, match="is no whole"):
            opened(tmp_path).find(NAMES, SILENT)
    path.write_bytes(whole + bytes(1000))  # which a tape adds
    assert sorted(opened(tmp_path).find(NAMES, SILENT)) == NAMES[:5]


def test_gzip_files_behind_one_another_are_one_archive(tmp_path: Path) -> None:
    path = tmp_path / "films_1.tar.gz"
    pack(path, DATA.items())
    tar = gzip.decompress(path.read_bytes())
    path.write_bytes(
        b"".join(gzip.compress(tar[at : at + 7000]) for at in range(0, len(tar), 7000))
    )
    assert bring(opened(tmp_path), NAMES, tmp_path / "out") == DATA


def test_members_that_no_image_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(tmp_path / "films_1.tar.gz", [("video.mp4", bytes(5000)), (NAMES[0], DATA[NAMES[0]])])
    monkeypatch.setattr(archives, "LARGEST", 1000)
    assert bring(opened(tmp_path), NAMES, tmp_path / "out") == {NAMES[0]: DATA[NAMES[0]]}
    pack(tmp_path / "films_1.tar.gz", [(NAMES[0], bytes(5000))])
    with pytest.raises(InputError, match="announces 5,000 bytes, which no image has"):
        opened(tmp_path).find(NAMES, SILENT)


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_index, "_MOST", 19)
    pack(tmp_path / "films_1.tar.gz", DATA.items())
    with pytest.raises(InputError, match="more than 19 files"):
        opened(tmp_path).find(NAMES, SILENT)


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "is cut off"), (b"GIF89a", "is not a PNG"), (DATA[NAMES[0]][:-3], "is cut off")],
)
def test_a_member_that_is_no_whole_image(tmp_path: Path, data: bytes, words: str) -> None:
    pack(tmp_path / "films_1.tar.gz", [(NAMES[0], data)])
    source = opened(tmp_path)
    found = source.find(NAMES, SILENT)
    with pytest.raises(InputError, match=f"films_1.tar.gz#{NAMES[0]}: {words}"):
        source.bring(NAMES[0], found[NAMES[0]], str(tmp_path / "x.png"), False)
    assert not (tmp_path / "x.png").exists()


def test_without_the_library_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "indexed_gzip", None)
    with pytest.raises(UsageError, match=r"pip install 'cxrcat\[archives\]'"):
        opened(folder).find(NAMES, SILENT)


def test_memory_does_not_grow_with_the_archive(tmp_path: Path) -> None:
    """A 200 MB archive of which little more than the seek points is kept in memory."""
    draw = random.Random(3)
    block = draw.randbytes(1 << 20)
    with tarfile.open(tmp_path / "films_1.tar.gz", "w:gz", compresslevel=0) as archive:
        for number in range(200):
            archive.addfile(file(f"m{number}", block), io.BytesIO(block))
    code = f"""
import resource
from cxrcat.catalog.sources.archive_index import build
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
build({str(tmp_path / "films_1.tar.gz")!r}, lambda _: None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60 << 10  # KiB
