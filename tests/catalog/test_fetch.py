"""Archives from a server that works, fails for a while, fails for good, or has something else."""

from __future__ import annotations

import gzip
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes

from cxrcat.catalog import download, fetch
from cxrcat.catalog.fetch import FetchReport, State
from cxrcat.catalog.progress import Advance
from cxrcat.schemas.descriptor import Descriptor, SourceSpec
from cxrcat.schemas.errors import InputError, NotFoundError, SourceError, UsageError
from cxrcat.schemas.yaml_reader import read_model

from ..servers import MODIFIED, Fault, File, FileServer, file_server
from . import small

FILES = [f"films_{number:03}.tar.gz" for number in (1, 2, 12)]
_draw = random.Random(4)
DATA = {
    file: gzip.compress(_draw.randbytes(size), 0)
    for file, size in zip(FILES, (3_000_000, 50_000, 1_000), strict=True)
}
FIRST = FILES[0]
SIZE = len(DATA[FIRST])
MIB = 1 << 20


def md5(data: bytes) -> str:
    hasher = hashes.Hash(hashes.MD5())  # noqa: S303 - as the owner publishes it
    hasher.update(data)
    return hasher.finalize().hex()


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXRCAT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "FIRST_WAIT", 0.002)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as started:
        started.files |= {f"/{file}": File(data) for file, data in DATA.items()}
        yield started


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "new" / "archives"


def described(
    server: FileServer, tmp_path: Path, files: list[str] | None = None, **changes: object
) -> Descriptor:
    """Return a dataset whose source has the archives at the server."""
    plain = read_model(small.write(tmp_path / "films"), Descriptor)
    facts = {
        "slug": "films",
        "kind": "archives",
        "title": "Films in archives",
        "provider": "The Ward",
        "uri": "https://ward.example/films",
        "archives": [
            {"file": file, "url": f"{server.url}/{file}", "size": len(DATA[file])}
            | {"md5": md5(DATA[file])}
            | changes
            for file in files or FILES
        ],
    }
    bucket = {
        "slug": "bucket",
        "kind": "gcs",
        "title": "x",
        "provider": "x",
        "uri": "gs://x/{name}",
    }
    sources = [SourceSpec.model_validate(each) for each in (facts, bucket)]
    return plain.model_copy(update={"sources": sources})


@pytest.fixture
def one(server: FileServer, tmp_path: Path) -> Descriptor:
    return described(server, tmp_path, [FIRST])


def get(descriptor: Descriptor, folder: Path, *only: str) -> FetchReport:
    return fetch.fetch(descriptor, "films", folder, only)


def check_here(folder: Path, *files: str) -> None:
    """Assert that the archives are here as they are there, and nothing else."""
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)
    for file in files:
        assert (folder / file).read_bytes() == DATA[file]


def test_all_archives(server: FileServer, tmp_path: Path, here: Path) -> None:
    report = get(described(server, tmp_path), here)
    check_here(here, *FILES)
    assert [each.file for each in report.archives] == FILES
    assert {each.state for each in report.archives} == {State.FETCHED}
    assert [each.path for each in report.archives] == [str(here / file) for file in FILES]
    assert report.page == "https://ward.example/films"
    assert {each.method for each in server.requests} == {"GET"}
    assert [each.headers["Range"] for each in server.requests] == ["bytes=0-"] * 3
    server.requests.clear()
    again = get(described(server, tmp_path), here)
    assert {each.state for each in again.archives} == {State.THERE}
    assert server.requests == []


@pytest.mark.parametrize(
    ("only", "files"),
    [
        (("001",), [0]),
        (("12", "1"), [0, 2]),
        (("films_002.tar.gz", "2"), [1]),
        (("000000012",), [2]),
    ],
)
def test_some_archives(
    server: FileServer, tmp_path: Path, here: Path, only: tuple[str, ...], files: list[int]
) -> None:
    get(described(server, tmp_path), here, *only)
    check_here(here, *(FILES[number] for number in files))


@pytest.mark.parametrize(
    "only", ["3", "films_003.tar.gz", "", "-1", "²", "1e0", "../1", "9" * 5000]
)
def test_archives_that_are_not_known(
    server: FileServer, tmp_path: Path, here: Path, only: str
) -> None:
    with pytest.raises(NotFoundError, match="unknown archive"):
        get(described(server, tmp_path), here, "1", only)
    assert not here.exists()
    assert server.requests == []


def test_sources_that_have_none(one: Descriptor, here: Path) -> None:
    with pytest.raises(NotFoundError, match="unknown source 'fims'; did you mean films"):
        fetch.fetch(one, "fims", here)
    with pytest.raises(UsageError, match="bucket: has no archives"):
        fetch.fetch(one, "bucket", here)
    assert not here.exists()


def test_progress_adds_up(server: FileServer, one: Descriptor, here: Path) -> None:
    came: dict[str, int] = {}

    class Watched:
        def task(self, label: str, total: int | None, unit: str) -> object:
            assert (total, unit) == (SIZE, "bytes")
            came[label] = 0

            def advance(amount: int) -> None:
                came[label] += amount

            return _Task(advance)

    server.faults += [Fault(drop_after=2 * MIB), Fault(without_ranges=True, drop_after=MIB)]
    fetch.fetch(one, "films", here, progress=Watched())  # type: ignore[arg-type]
    assert came == {f"fetching {FIRST}": SIZE, f"checking {FIRST}": SIZE}


class _Task:
    def __init__(self, advance: Advance) -> None:
        self._advance = advance

    def __enter__(self) -> Advance:
        return self._advance

    def __exit__(self, *_: object) -> None:
        pass


PASSING: dict[str, tuple[list[Fault], int]] = {
    "dropped at once": ([Fault(drop_after=0)], 2),
    "dropped in mid-body": ([Fault(drop_after=1_000_000)] * 1, 2),
    "dropped again and again": ([Fault(times=5, drop_after=1000)], 6),
    "dropped, with enough between": ([Fault(times=2, drop_after=MIB + 1)], 3),
    "429": ([Fault(times=2, status=429, headers={"Retry-After": "0"})], 3),
    "503": ([Fault(times=5, status=503)], 6),
    "503 with nonsense": ([Fault(status=503, headers={"Retry-After": "soon"})], 2),
    "500 and a drop": ([Fault(status=500), Fault(drop_after=9)], 3),
    "slow": ([Fault(pause=0.3)], 1),
    "without ranges": ([Fault(times=9, without_ranges=True)], 1),
    "ranges for the second half alone": ([Fault(without_ranges=True, drop_after=MIB)], 2),
    "the second half without ranges": (
        [Fault(drop_after=MIB), Fault(without_ranges=True)],
        2,
    ),
    "no length": ([Fault(headers={"Content-Length": None})], 1),
    "no length, dropped": ([Fault(headers={"Content-Length": None}, drop_after=MIB)], 2),
    "a truncated body": ([Fault(change=lambda data: data[: len(data) // 2])], 2),
    "another range": ([Fault(drop_after=9), Fault(headers={"Content-Range": "bytes 5-9/10"})], 3),
    "a range of nonsense": ([Fault(headers={"Content-Range": "all"})], 2),
    "a range without its name": ([Fault(headers={"Content-Range": None})], 2),
    "a range of unknown size": (
        [Fault(headers={"Content-Range": f"bytes 0-{SIZE - 1}/*"})],
        1,
    ),
    "not enough bytes for once": ([Fault(drop_after=9), Fault(status=416)], 3),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_goes_wrong_for_a_while(
    server: FileServer, one: Descriptor, here: Path, name: str
) -> None:
    faults, requests = PASSING[name]
    server.faults += [Fault(**vars(fault)) for fault in faults]
    assert get(one, here).archives[0].state is State.FETCHED
    check_here(here, FIRST)
    assert len(server.requests) == requests


def test_a_run_goes_on_where_an_earlier_one_broke_off(
    server: FileServer, one: Descriptor, here: Path
) -> None:
    server.faults += [Fault(drop_after=2_000_000), Fault(times=6, status=503)]
    with pytest.raises(SourceError, match=r"answers 503, 6 times.* of [\d,]+ bytes are here"):
        get(one, here)
    assert [path.name for path in here.iterdir()] == [f"{FIRST}.part"]
    came = (here / f"{FIRST}.part").stat().st_size
    assert 0 < came <= 2_000_000
    server.requests.clear()
    get(one, here)
    check_here(here, FIRST)
    (request,) = server.requests
    assert (request.start, request.headers["If-Range"]) == (came, '"1"')


def test_by_its_date_where_there_is_no_other_way(
    server: FileServer, one: Descriptor, here: Path
) -> None:
    server.faults += [Fault(drop_after=1000, headers={"ETag": None}), Fault()]
    get(one, here)
    check_here(here, FIRST)
    assert server.requests[1].headers["If-Range"] == MODIFIED


@pytest.mark.parametrize("headers", [{"ETag": None, "Last-Modified": None}, {"ETag": 'W/"1"'}])
def test_without_a_word_on_the_version(
    server: FileServer, one: Descriptor, here: Path, headers: dict[str, str | None]
) -> None:
    server.faults += [Fault(times=2, drop_after=1_500_000, headers=headers)]
    get(one, here)
    check_here(here, FIRST)
    assert "If-Range" not in server.requests[1].headers
    assert server.requests[1].start > 1_000_000


def test_what_was_kept_of_an_earlier_run_is_not_believed(one: Descriptor, here: Path) -> None:
    here.mkdir(parents=True)
    part = here / f"{FIRST}.part"
    part.write_bytes(DATA[FIRST][:1000] + b"x" + DATA[FIRST][1001:2000])
    with pytest.raises(SourceError, match=f"not {md5(DATA[FIRST])}.*was not kept"):
        get(one, here)
    assert list(here.iterdir()) == []
    part.write_bytes(DATA[FIRST] + b"more")
    get(one, here)
    check_here(here, FIRST)


def test_a_whole_part_needs_no_request(server: FileServer, one: Descriptor, here: Path) -> None:
    here.mkdir(parents=True)
    (here / f"{FIRST}.part").write_bytes(DATA[FIRST])
    get(one, here)
    check_here(here, FIRST)
    assert server.requests == []


@pytest.mark.parametrize("ignores", [False, True], ids=["If-Range kept", "If-Range ignored"])
def test_a_file_that_changes_between_two_ranges(
    server: FileServer, one: Descriptor, here: Path, ignores: bool
) -> None:
    path = f"/{FIRST}"
    old = DATA[FIRST][:10] + bytes(SIZE - 10)
    server.files[path] = File(old)

    def change() -> None:
        server.files[path] = File(DATA[FIRST], '"1"' if ignores else '"2"')

    said = {"ETag": '"2"'} if ignores else {}
    server.faults += [Fault(drop_after=1_000_000), Fault(before=change, headers=said)]
    get(one, here)
    check_here(here, FIRST)
    assert [each.start > 0 for each in server.requests] == [False, True, False][: 2 + ignores]


def test_a_file_that_changes_all_the_time(server: FileServer, one: Descriptor, here: Path) -> None:
    for number in range(40):
        server.faults.append(Fault(headers={"ETag": f'"{number}"'}, drop_after=2 * MIB))
    with pytest.raises(SourceError, match=r"6 times; try again later"):
        get(one, here)
    assert not (here / FIRST).exists()
    server.faults.clear()
    for _ in range(40):
        server.faults += [Fault(drop_after=2 * MIB), Fault(headers={"Content-Range": "none"})]
    with pytest.raises(SourceError, match=r"had to begin anew 6 times"):
        get(one, here)
    assert not (here / FIRST).exists()


def _wrong_byte(data: bytes) -> bytes:
    return data[:-100] + bytes([data[-100] ^ 1]) + data[-99:]


LASTING: dict[str, tuple[Fault, str, bool]] = {
    "a wrong byte": (Fault(change=_wrong_byte), f"not {md5(DATA[FIRST])}", False),
    "a byte too long": (
        Fault(change=lambda data: data + b"x", headers={"Content-Length": None}),
        "bytes come that were announced",
        False,
    ),
    "longer, as it says itself": (
        Fault(status=200, headers={"Content-Length": "4000000"}),
        f"has 4000000 bytes of it, and {SIZE:,} were announced",
        False,
    ),
    "longer, without a length": (
        Fault(change=lambda data: data + b"x" * 70_000, headers={"Content-Length": None}),
        f"more than the {SIZE:,} bytes come",
        False,
    ),
    "of another size": (
        Fault(headers={"Content-Range": "bytes 0-99/100"}),
        "has 100 bytes of it",
        False,
    ),
    "a page": (
        Fault(
            change=lambda _: b"<html>log in</html>",
            headers={"Content-Length": None, "Content-Type": "text/html\x1b[31m"},
        ),
        "sends no gzip file, but text/html",
        False,
    ),
    "forbidden": (Fault(status=403), "refuses it (403); download it by hand from https://w", True),
    "gone": (Fault(status=404), "leads nowhere any more (404); download it by hand", True),
    "a teapot": (Fault(status=418), "answers 418", True),
    "no content": (Fault(status=204), "answers 204", True),
    "elsewhere without saying where": (Fault(status=302), "answers 302", True),
    "no first byte": (Fault(status=416), "no first byte", False),
    "round and round": (
        Fault(status=302, headers={"Location": f"/{FIRST}"}),
        "more than 10 times",
        True,
    ),
    "in the open": (
        Fault(status=301, headers={"Location": "http://ward.example/x"}),
        "'http://ward.example/x', which is not https",
        True,
    ),
    "a file of this machine": (
        Fault(status=301, headers={"Location": "file:///etc/passwd"}),
        "which is not https",
        True,
    ),
    "an impossible port": (
        Fault(status=301, headers={"Location": "https://ward.example:99999999/"}),
        "sends us on to",
        True,
    ),
    "an impossible host": (
        Fault(status=301, headers={"Location": "https://[/"}),
        "sends us on to nowhere",
        True,
    ),
    "a wait of a day": (
        Fault(status=429, headers={"Retry-After": "86400"}),
        "asks to wait 86,400 seconds",
        True,
    ),
    "a wait without end": (Fault(status=503, headers={"Retry-After": "inf"}), "asks to wait", True),
    "always dropped": (Fault(drop_after=500), "breaks off", True),
    "always without ranges, and dropped": (
        Fault(without_ranges=True, drop_after=2 * MIB),
        "6 times; try again later",
        True,
    ),
}


@pytest.mark.parametrize("name", LASTING)
def test_what_stays_wrong(server: FileServer, one: Descriptor, here: Path, name: str) -> None:
    fault, words, kept = LASTING[name]
    server.faults.append(Fault(**{**vars(fault), "times": 1000}))
    with pytest.raises(SourceError) as raised:
        get(one, here)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert str(here / FIRST) in str(raised.value)
    assert [path.name for path in here.iterdir()] == ([f"{FIRST}.part"] if kept else [])

    server.faults.clear()
    get(one, here)
    check_here(here, FIRST)


def test_a_server_that_stops_in_the_middle(
    server: FileServer, one: Descriptor, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", (0.2, 0.2))
    server.faults.append(Fault(times=2, pause=0.5))
    get(one, here)
    check_here(here, FIRST)
    server.faults.append(Fault(times=1000, pause=0.5))
    (here / FIRST).unlink()
    with pytest.raises(SourceError, match="6 times; try again later"):
        get(one, here)


def test_a_server_that_is_not_there(server: FileServer, tmp_path: Path, here: Path) -> None:
    nobody = described(server, tmp_path, [FIRST], url="http://127.0.0.1:9/x")
    with pytest.raises(SourceError, match="cannot be reached or breaks off"):
        get(nobody, here)


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "a date"])
def test_a_wait_that_is_asked_for(
    server: FileServer, one: Descriptor, here: Path, as_date: bool
) -> None:
    asked = formatdate(time.time() + 2, usegmt=True) if as_date else "1"
    server.faults.append(Fault(status=429, headers={"Retry-After": asked}))
    began = time.monotonic()
    get(one, here)
    assert time.monotonic() - began > 0.9
    check_here(here, FIRST)


def test_redirects_are_followed_and_asked_anew(
    server: FileServer, one: Descriptor, here: Path
) -> None:
    server.files["/there?token=1"] = File(DATA[FIRST])
    for location in ("/there?token=1", "there?token=1", f"{server.url}/there?token=1"):
        server.faults[:] = [
            Fault(times=9, path=f"/{FIRST}", status=302, headers={"Location": location}),
            Fault(path="/there?token=1", drop_after=MIB),
        ]
        server.requests.clear()
        get(one, here)
        check_here(here, FIRST)
        paths = [each.path for each in server.requests]
        assert paths == [f"/{FIRST}", "/there?token=1"] * 2
        assert [each.start > 0 for each in server.requests] == [False, False, True, True]
        (here / FIRST).unlink()


def test_no_name_of_the_server_is_used(server: FileServer, one: Descriptor, here: Path) -> None:
    name = 'attachment; filename="../../evil"'
    server.faults.append(Fault(headers={"Content-Disposition": name}))
    get(one, here)
    check_here(here, FIRST)
    assert not list(here.parent.parent.rglob("*evil*"))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_what_is_said_to_be_encoded_stays_as_it_comes(
    server: FileServer, one: Descriptor, here: Path, encoding: str
) -> None:
    server.faults.append(Fault(headers={"Content-Encoding": encoding}))
    get(one, here)
    check_here(here, FIRST)


def test_a_file_that_is_there_and_wrong_is_replaced_when_the_right_one_is_here(
    server: FileServer, one: Descriptor, here: Path
) -> None:
    here.mkdir(parents=True)
    wrong = _wrong_byte(DATA[FIRST])
    for data in (wrong, wrong[:1000]):
        (here / FIRST).write_bytes(data)
        server.faults.append(Fault(status=403))
        with pytest.raises(SourceError, match="403"):
            get(one, here)
        assert (here / FIRST).read_bytes() == data
        assert get(one, here).archives[0].state is State.REPLACED
        check_here(here, FIRST)


def test_a_file_from_elsewhere_is_taken_as_it_is(
    server: FileServer, one: Descriptor, here: Path, tmp_path: Path
) -> None:
    here.mkdir(parents=True)
    (tmp_path / "browser").write_bytes(DATA[FIRST])
    (here / FIRST).symlink_to(tmp_path / "browser")
    assert get(one, here).archives[0].state is State.THERE
    assert server.requests == []
    (tmp_path / "browser").write_bytes(_wrong_byte(DATA[FIRST]))
    os.utime(tmp_path / "browser", (1, 1))
    assert get(one, here).archives[0].state is State.REPLACED
    assert not (here / FIRST).is_symlink()
    assert (tmp_path / "browser").read_bytes() == _wrong_byte(DATA[FIRST])


@pytest.mark.parametrize("suffix", ["", ".part"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_places_that_are_taken(
    server: FileServer, one: Descriptor, here: Path, tmp_path: Path, suffix: str, kind: str
) -> None:
    here.mkdir(parents=True)
    place = here / f"{FIRST}{suffix}"
    (tmp_path / "other").write_bytes(b"of somebody else")
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(tmp_path / "other")
    if (kind, suffix) == ("link", ""):
        get(one, here)  # a wrong file is replaced, not what a link leads to
    else:
        with pytest.raises((UsageError, SourceError), match=str(place)):
            get(one, here)
        assert server.requests == []
    assert (tmp_path / "other").read_bytes() == b"of somebody else"


def test_two_runs_at_once(server: FileServer, one: Descriptor, here: Path) -> None:
    server.faults.append(Fault(pause=1.0))
    failed: list[BaseException] = []

    def second() -> None:
        while not server.requests:
            time.sleep(0.01)
        try:
            get(one, here)
        except UsageError as error:
            failed.append(error)

    thread = threading.Thread(target=second)
    thread.start()
    get(one, here)
    thread.join()
    assert "another run is fetching it" in str(failed[0])
    check_here(here, FIRST)


def test_no_room(server: FileServer, tmp_path: Path, here: Path) -> None:
    large = described(server, tmp_path, FILES, size=1 << 60)
    with pytest.raises(
        SourceError, match=r"No space left on device: 3 archives need 3,458.*--only"
    ):
        get(large, here)
    assert server.requests == []
    assert list(here.iterdir()) == []


def test_places_that_cannot_be_written(one: Descriptor, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file", tmp_path / "file" / "x", Path("/proc/x"), Path("/dev/full")):
        with pytest.raises(SourceError, match=r"cannot be written"):
            get(one, place)


def test_what_is_known_of_a_file_is_not_read_again(
    one: Descriptor, here: Path, tmp_path: Path
) -> None:
    get(one, here)
    status = (here / FIRST).stat()
    (here / FIRST).write_bytes(_wrong_byte(DATA[FIRST]))
    os.utime(here / FIRST, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert get(one, here).archives[0].state is State.THERE  # as far as size and time tell
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(path.read_bytes()[:-1])  # a damaged entry says nothing
    assert get(one, here).archives[0].state is State.REPLACED
    check_here(here, FIRST)


@pytest.mark.parametrize("module", ["requests", "cryptography"])
def test_without_the_libraries_it_says_what_to_install(
    one: Descriptor, here: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=r"pip install 'cxrcat\[archives\]'"):
        get(one, here)


ADDRESSES: dict[str, bool] = {
    "https://ward.example/x": True,
    "http://127.0.0.1:8080/x": True,
    "http://localhost/x": True,
    "http://[::1]:8080/x": True,
    "http://ward.example/x": False,
    "http://127.0.0.1.ward.example/x": False,
    "http://127.0.0.1:x@ward.example/x": False,
    "http://127.0.0.1@ward.example/x": False,
    "file:///etc/passwd": False,
}


@pytest.mark.parametrize("url", ADDRESSES)
def test_addresses_of_archives(tmp_path: Path, url: str) -> None:
    archive = f'{{file: a.tar.gz, url: "{url}", size: 1, md5: {"a" * 32}}}'
    source = f"{{slug: a, kind: archives, title: A, provider: B, uri: c, archives: [{archive}]}}"
    path = small.write(tmp_path, changes={"splits:\n": f"sources: [{source}]\nsplits:\n"})
    if ADDRESSES[url]:
        assert read_model(path, Descriptor).sources[0].archives[0].url == url
    else:
        with pytest.raises(InputError, match="should match pattern"):
            read_model(path, Descriptor)
