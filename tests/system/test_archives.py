"""NIH's archives with the installed command: fetched from a server, and exported from in place."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives import hashes

from ..archives import file, pack, special
from ..catalog import small
from ..checks import check_export, check_failure, rows_of
from ..conftest import Run, png
from ..servers import Fault, File, FileServer, file_server
from .conftest import COMMAND, Start

PAGE = "https://nihcc.app.box.com/v/ChestXray-NIHCC"
COPY = ("export", "--subset", "hernia", "--images", "copy", "--from")
FILES = [f"films_{number:03}.tar.gz" for number in (1, 2, 3)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CXRCAT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def images(hernias: list[str]) -> dict[str, bytes]:
    return {name: png(seed=number, padding=number * 50) for number, name in enumerate(hernias)}


@pytest.fixture
def archives(tmp_path: Path, images: dict[str, bytes]) -> Path:
    """Return a folder with the images of a subset in NIH's twelve archives, packed as NIH does."""
    folder = tmp_path / "nih"
    folder.mkdir()
    names = sorted(images)
    share = len(names) // 12 + 1
    for number in range(12):
        own = names[number * share : (number + 1) * share]
        members = [(f"images/{name}", images[name]) for name in own]
        stranger = (f"images/{number + 1:08}_999.png", png(seed=number))
        pack(
            folder / f"images_{number + 1:03}.tar.gz",
            [special("images", tarfile.DIRTYPE), *members, stranger],
        )
    return folder


def test_an_export_from_the_archives(
    cxrcat: Run, work: Path, archives: Path, images: dict[str, bytes]
) -> None:
    done = cxrcat(*COPY, f"nih-archives:{archives}")
    assert done.returncode == 0, done.stderr
    manifest = check_export(work / "hernia")
    assert manifest.images.brought_from == manifest.images.source == "nih-archives"
    assert manifest.images.media_type == "image/png"
    assert (manifest.images.files, manifest.images.uri) == (227, PAGE)
    assert "google-conversion" not in {duty.id for duty in manifest.duties}
    for row in rows_of(work / "hernia"):
        assert (work / "hernia" / row["path"]).read_bytes() == images[row["name"]]
    rows = rows_of(work / "hernia")
    assert rows[0]["source"] == f"{PAGE}#images_001.tar.gz"
    assert rows[-1]["source"] == f"{PAGE}#images_012.tar.gz"
    assert cxrcat("verify", "hernia").returncode == 0
    (seen,) = json.loads(cxrcat("replicas", rows[0]["name"], "--json").stdout)
    assert seen["source"] == "nih-archives"
    assert seen["uri"] == f"{archives.as_uri()}/images_001.tar.gz#images/{rows[0]['name']}"
    assert (str(seen["size"]), seen["checksum"]) == (rows[0]["size"], rows[0]["checksum"])
    assert sorted(path.name for path in archives.iterdir()) == [
        f"images_{number:03}.tar.gz" for number in range(1, 13)
    ]


def test_the_second_export_reads_the_kept_index(
    cxrcat: Run, work: Path, archives: Path, cache: Path
) -> None:
    for number in range(2):
        done = cxrcat(*COPY, f"nih-archives:{archives}", "--to", f"copy{number}")
        assert done.returncode == 0, done.stderr
        kept = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
        assert len(kept) == 12
        if number == 0:
            first = kept
    assert kept == first
    tables = [(work / f"copy{number}" / "metadata.csv").read_bytes() for number in range(2)]
    assert tables[0] == tables[1]


def test_a_scan_and_an_export_mean_the_same_place(
    cxrcat: Run, archives: Path, hernias: list[str]
) -> None:
    done = cxrcat("scan", *sorted(archives.iterdir()))
    assert "227 new" in done.stdout + done.stderr
    assert cxrcat(*COPY, f"nih-archives:{archives}").returncode == 0
    for name in (hernias[0], hernias[-1]):
        assert len(json.loads(cxrcat("replicas", name, "--json").stdout)) == 1


def test_from_the_home_folder(cxrcat: Run, work: Path, archives: Path) -> None:
    done = cxrcat(*COPY, "nih-archives:~/nih", env={"HOME": str(archives.parent)})
    assert done.returncode == 0, done.stderr
    check_export(work / "hernia")


def test_some_of_the_archives(cxrcat: Run, work: Path, archives: Path, hernias: list[str]) -> None:
    for path in archives.glob("images_01*.gz"):
        path.unlink()
    done = cxrcat(*COPY, f"nih-archives:{archives}")
    check_failure(done, 2, f"56 of 227 images are not in {archives}", hernias[-56], "--allow-miss")
    assert cxrcat(*COPY, f"nih-archives:{archives}", "--allow-missing").returncode == 0
    manifest = check_export(work / "hernia")
    assert (manifest.images.files, manifest.images.missing) == (171, 56)


def test_without_any_archive(cxrcat: Run, work: Path, archives: Path) -> None:
    check_failure(cxrcat(*COPY, "nih-archives"), 2, "--from nih-archives:DIR", "cxrcat fetch")
    check_failure(cxrcat(*COPY, f"nih-archives:{work}"), 2, "holds none of images_001.tar.gz")
    check_failure(cxrcat(*COPY, f"nih-archives:{work}/x"), 2, "there is no such folder")
    done = cxrcat("export", "--subset", "hernia", "--images", "hardlink", "--from", COPY[-1])
    assert done.returncode == 2
    link = ("export", "--subset", "hernia", "--images", "hardlink", "--from")
    check_failure(cxrcat(*link, f"nih-archives:{archives}"), 2, "cannot be linked to")
    assert list(work.iterdir()) == []


FAULTS = {
    "cut off": lambda data: data[: len(data) // 2],
    "a wrong byte": lambda data: data[:500] + bytes([data[500] ^ 4]) + data[501:],
    "no gzip": lambda _: b"<html>log in</html>",
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_archive_is_named_and_nothing_is_left(
    cxrcat: Run, work: Path, archives: Path, cache: Path, fault: str
) -> None:
    path = archives / "images_007.tar.gz"
    path.write_bytes(FAULTS[fault](path.read_bytes()))
    for _ in range(2):
        check_failure(cxrcat(*COPY, f"nih-archives:{archives}"), 2, path, "is no whole", "again")
    assert list(work.iterdir()) == []
    assert json.loads(cxrcat("exports", "--json").stdout) == []
    assert len(list(cache.iterdir())) == 6


def test_a_hostile_archive_writes_nothing_outside(
    cxrcat: Run, work: Path, tmp_path: Path, archives: Path, images: dict[str, bytes]
) -> None:
    names = sorted(images)
    for path in archives.iterdir():
        path.unlink()
    packed = [
        ("../../../escaped.txt", b"x"),
        (f"{work}/escaped.txt", b"x"),
        special("images", tarfile.SYMTYPE, str(work)),
        special("images/link.txt", tarfile.SYMTYPE, "/etc/passwd"),
        special("images/pipe", tarfile.FIFOTYPE),
        special("images/device", tarfile.CHRTYPE),
        special(f"x/{names[1]}", tarfile.LNKTYPE, "/etc/passwd"),
        (f"../../{names[0]}", images[names[0]]),
        *((f"images/{name}", images[name]) for name in names[1:]),
    ]
    pack(archives / "images_001.tar.gz", packed)
    done = cxrcat(*COPY, f"nih-archives:{archives}")
    assert done.returncode == 0, done.stderr
    check_export(work / "hernia")
    for row in rows_of(work / "hernia"):
        assert (work / "hernia" / row["path"]).read_bytes() == images[row["name"]]
    assert list(work.iterdir()) == [work / "hernia"]
    assert not list(tmp_path.rglob("escaped.txt"))

    pack(archives / "images_002.tar.gz", [(f"images/{names[3]}", png(seed=99, padding=10_000))])
    done = cxrcat(*COPY, f"nih-archives:{archives}", "--to", "again")
    check_failure(done, 2, f"{names[3]} is there twice with different bytes", "images_002.tar.gz#")
    assert list(work.iterdir()) == [work / "hernia"]


def indexes(cache: Path) -> list[Path]:
    """Return the indexes that are whole; one that is being written has a hidden name."""
    return [path for path in cache.glob("*") if not path.name.startswith(".")]


def test_an_interrupt_while_an_archive_is_read(
    start: Start, cxrcat: Run, work: Path, archives: Path, cache: Path
) -> None:
    noise = random.Random(1).randbytes(1 << 22)
    with tarfile.open(archives / "images_012.tar.gz", "w:gz", compresslevel=0) as archive:
        for number in range(100):
            archive.addfile(file(f"m{number}", noise), io.BytesIO(noise))
    process = start(*COPY, f"nih-archives:{archives}")
    while len(indexes(cache)) < 11:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130, said
    assert said.splitlines() == ["cxrcat: interrupted; nothing was left half-written"]
    assert list(work.iterdir()) == []
    assert len(list(cache.iterdir())) == len(indexes(cache)) == 11
    pack(archives / "images_012.tar.gz", [])
    assert cxrcat(*COPY, f"nih-archives:{archives}", "--allow-missing").returncode == 0
    check_export(work / "hernia")


def test_the_real_images(cxrcat: Run, work: Path, tmp_path: Path, real_data: Path) -> None:
    originals = {path.name: path.read_bytes() for path in (real_data / "png").glob("*.png")}
    pack(
        tmp_path / "images_001.tar.gz",
        [(f"images/{name}", data) for name, data in sorted(originals.items())],
    )
    listed = ", ".join(f"'{name}'" for name in originals)
    assert cxrcat("subset", "create", "ten", "--where", f"name in ({listed})").returncode == 0
    options = ("--images", "copy", "--from", f"nih-archives:{tmp_path}")
    done = cxrcat("export", "--subset", "ten", *options)
    assert done.returncode == 0, done.stderr
    assert check_export(work / "ten").images.files == 10
    for name, data in originals.items():
        assert (work / "ten" / "images" / name).read_bytes() == data


@pytest.mark.parametrize("module", ["indexed_gzip", "requests", "cryptography"])
def test_without_the_extra_it_says_what_to_install(
    cxrcat: Run, work: Path, tmp_path: Path, archives: Path, module: str
) -> None:
    fake = tmp_path / "fake" / module
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text(f"raise ModuleNotFoundError('none', name={module!r})")
    command = ("fetch", "nih-archives", "--to", "new", "--only", "1")
    if module == "indexed_gzip":
        command = (*COPY, f"nih-archives:{archives}")
    done = cxrcat(*command, env={"PYTHONPATH": str(fake.parent)})
    check_failure(done, 2, "pip install 'cxrcat[archives]'")
    assert list(work.iterdir()) == []


# A dataset of our own, whose archives are at a server of our own.


@pytest.fixture
def films() -> dict[str, bytes]:
    return {row["name"]: png(seed=number) for number, row in enumerate(small.films())}


@pytest.fixture
def server(tmp_path: Path, films: dict[str, bytes]) -> Iterator[FileServer]:
    """Start a server that has the films in three archives."""
    names = sorted(films)
    noise = random.Random(2).randbytes(1_500_000)
    with file_server() as started:
        for number, name in enumerate(FILES):
            own = [(f"f/{each}", films[each]) for each in names[number::3]]
            path = pack(tmp_path / name, [*own, ("noise.bin", noise)])
            started.files[f"/{name}"] = File(path.read_bytes())
            path.unlink()
        yield started


def add_dataset(cxrcat: Run, server: FileServer, folder: Path) -> None:
    """Add a dataset whose descriptor, and nothing else, says where the archives are."""

    def md5(data: bytes) -> str:
        hasher = hashes.Hash(hashes.MD5())  # noqa: S303 - as the owner publishes it
        hasher.update(data)
        return hasher.finalize().hex()

    source = {
        "slug": "films",
        "kind": "archives",
        "title": "The ward's archives",
        "provider": "The Ward",
        "uri": "https://ward.example/films",
        "media_type": "application/gzip",
        "owes": ["thanks"],
        "archives": [
            {"file": path[1:], "url": f"{server.url}{path}", "size": len(each.data)}
            | {"md5": md5(each.data)}
            for path, each in server.files.items()
        ],
    }
    text = yaml.safe_dump({"default_source": "films", "sources": [source]})
    done = cxrcat("dataset", "add", small.write(folder, changes={"splits:\n": f"{text}splits:\n"}))
    assert done.returncode == 0, done.stderr


@pytest.fixture
def ward(cxrcat: Run, server: FileServer, tmp_path: Path) -> tuple[str, ...]:
    """Return the command that fetches the archives, after the dataset was added."""
    add_dataset(cxrcat, server, tmp_path / "films")
    return ("fetch", "films", "--dataset", "ward", "--to", "archives")


def test_fetched_and_exported(
    cxrcat: Run, work: Path, ward: tuple[str, ...], server: FileServer, films: dict[str, bytes]
) -> None:
    server.faults += [Fault(drop_after=500_000), Fault(status=503, headers={"Retry-After": "1"})]
    done = cxrcat(*ward)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"archives/{name}" for name in FILES]
    assert done.stderr.splitlines()[0].startswith(f"{FILES[0]}: fetched, ")
    assert "with the MD5 that The Ward publishes" in done.stderr
    folder = work / "archives"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path[1:]: each.data for path, each in server.files.items()
    }
    assert [each.start > 0 for each in server.requests] == [False, True, True, False, False]
    assert len(json.loads(cxrcat(*ward, "--json").stdout)["archives"]) == 3
    assert len(server.requests) == 5

    options = ("--images", "copy", "--from", "films:archives")
    done = cxrcat("export", "--subset", "ward/mass", *options)
    assert done.returncode == 0, done.stderr
    manifest = check_export(work / "mass")
    assert manifest.images.brought_from == "films"
    assert 0 < manifest.images.files == manifest.subset.images
    for row in rows_of(work / "mass"):
        assert (work / "mass" / row["path"]).read_bytes() == films[row["name"]]
        assert row["source"].startswith("https://ward.example/films#films_0")
    because = [duty.because for duty in manifest.duties if duty.id == "thanks"]
    assert "the images were fetched from The ward's archives" in because[0]


def test_json(cxrcat: Run, ward: tuple[str, ...]) -> None:
    done = cxrcat(*ward, "--only", "2, films_003.tar.gz", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert {key: report[key] for key in ("source", "provider", "page")} == {
        "source": "films",
        "provider": "The Ward",
        "page": "https://ward.example/films",
    }
    assert [(each["file"], each["state"]) for each in report["archives"]] == [
        (FILES[1], "fetched"),
        (FILES[2], "fetched"),
    ]


def test_a_fetch_that_is_ended_goes_on(
    start: Start, cxrcat: Run, work: Path, ward: tuple[str, ...], server: FileServer
) -> None:
    for sign, code in ((signal.SIGKILL, -9), (signal.SIGINT, 130)):
        server.requests.clear()
        server.faults[:] = [Fault(times=99, path=f"/{FILES[1]}", pause=30)]
        process = start(*ward)
        while not any(each.path == f"/{FILES[1]}" for each in server.requests):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(sign)
        _, said = process.communicate()
        assert process.returncode == code
        if code == 130:
            assert said.splitlines() == ["cxrcat: interrupted; nothing was left half-written"]
        assert (work / "archives" / FILES[0]).is_file()
        assert not (work / "archives" / FILES[1]).exists()
    server.faults.clear()
    server.requests.clear()
    assert cxrcat(*ward).returncode == 0
    assert [each.path for each in server.requests] == [f"/{name}" for name in FILES[1:]]
    assert sorted(path.name for path in (work / "archives").iterdir()) == FILES


@pytest.mark.parametrize(
    ("fault", "words", "left"),
    [
        (Fault(status=403), ("refuses it (403)", "by hand from https://ward.example/films"), True),
        (
            Fault(change=lambda data: data[:-9] + b"x" + data[-8:]),
            ("what came has the MD5",),
            False,
        ),
        (Fault(status=429, headers={"Retry-After": "9999"}), ("asks to wait 9,999 seconds",), True),
    ],
    ids=["forbidden", "a wrong byte", "a long wait"],
)
def test_what_stays_wrong_is_one_line(
    cxrcat: Run,
    work: Path,
    ward: tuple[str, ...],
    server: FileServer,
    fault: Fault,
    words: tuple[str, ...],
    left: bool,
) -> None:
    server.faults.append(Fault(**{**vars(fault), "times": 99, "path": f"/{FILES[1]}"}))
    check_failure(cxrcat(*ward), 3, f"archives/{FILES[1]}", *words)
    here = [FILES[0], f"{FILES[1]}.part"] if left else [FILES[0]]
    assert sorted(path.name for path in (work / "archives").iterdir()) == here
    server.faults.clear()
    assert cxrcat(*ward).returncode == 0


def test_a_small_disk(
    cxrcat: Run, ward: tuple[str, ...], small_disk: object, server: FileServer
) -> None:
    disk = small_disk("size=2m")  # type: ignore[operator]
    done = cxrcat(*ward[:-1], disk)
    check_failure(done, 3, "No space left on device", "--only fetches some of them")
    assert list(disk.iterdir()) == []
    assert server.requests == []
    assert cxrcat(*ward[:-1], disk, "--only", "1").returncode == 0
    full = small_disk("size=1500k")  # type: ignore[operator]
    (full / "filler").write_bytes(bytes(1 << 20))
    check_failure(cxrcat(*ward[:-1], full, "--only", "1"), 3, "No space left on device")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fims",), "did you mean films"),
        (("films", "--only", "9"), "unknown archive '9'"),
        (("films", "--only", ","), "--only names no archive"),
        (("films", "--dataset", "wrd"), "ward"),
    ],
)
def test_wrong_usage(
    cxrcat: Run, work: Path, ward: tuple[str, ...], arguments: tuple[str, ...], words: str
) -> None:
    done = cxrcat("fetch", "--dataset", "ward", "--to", "x", *arguments)
    check_failure(done, 2, words)
    check_failure(cxrcat("fetch", "gcs-png", "--to", "x"), 2, "has no archives", "--from gcs-png")
    check_failure(cxrcat(*ward[:-2]), 2, "--to")
    assert list(work.iterdir()) == []


def test_bars_on_a_terminal(
    cxrcat: Run, work: Path, ward: tuple[str, ...], server: FileServer
) -> None:
    server.faults += [Fault(drop_after=500_000, pause=0.5), Fault(pause=0.5)]
    catalog = json.loads(cxrcat("doctor", "--json").stdout)["catalog"]
    done = subprocess.run(
        ["script", "--quiet", "--return", "--command", f"{COMMAND} {' '.join(ward)}", "/dev/null"],
        cwd=work,
        env={**os.environ, "CXRCAT_CATALOG": catalog, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done
    assert f"fetching {FILES[0]}" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_descriptor_of_nih() -> None:
    """Whether the built-in addresses, sizes and MD5s are those of NIH's page; see the facts."""
    from importlib.resources import files

    text = (files("cxrcat.schemas") / "datasets/nih-chest-xray/dataset.yaml").read_text("utf-8")
    (source,) = [each for each in yaml.safe_load(text)["sources"] if each["slug"] == "nih-archives"]
    archives = source["archives"]
    assert [each["file"] for each in archives] == [f"images_{n:03}.tar.gz" for n in range(1, 13)]
    assert sum(each["size"] for each in archives) == 45_079_862_784
    assert all(each["url"].startswith("https://nihcc.box.com/shared/static/") for each in archives)
    assert len({each["md5"] for each in archives} | {each["url"] for each in archives}) == 24
