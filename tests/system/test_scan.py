"""``cxrcat scan`` and ``cxrcat replicas``, as whole commands: folders, archives and buckets."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..checks import check_export, check_failure, names_with, nih_rows
from ..conftest import Run, png
from ..gcs import PAYER, Fault, Gate, gate_before, gcs_server
from ..pictures import LONG_AGO, fill, picture, put
from .conftest import Start

BUCKET = "shelf"
NIH_BUCKET = "gcs-public-data--healthcare-nih-chest-xray"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with gcs_server() as url:
        yield url


@pytest.fixture
def gate(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Open a gate before a server, and empty the buckets of other tests."""
    with gate_before(server) as opened:
        client = opened.client()
        for name in (BUCKET, NIH_BUCKET):
            bucket = client.bucket(name)
            if bucket.exists():
                bucket.delete_blobs(list(bucket.list_blobs()))
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", opened.url)
        yield opened


def report(cxrcat: Run, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
    done = cxrcat("scan", *arguments, "--json")
    assert (done.returncode, done.stderr) == (code, ""), done
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["ok"] == (code == 0)
    return found


def replicas(cxrcat: Run, image: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cxrcat("replicas", image, "--json").stdout)
    return found


def test_the_real_images(cxrcat: Run, real_data: Path) -> None:
    done = cxrcat("scan", real_data / "png")
    assert (done.returncode, done.stdout) == (0, ""), done
    assert "10 of 112,120 images are here, in 10 files: 10 new, 0 changed, 0 unchanged" in (
        done.stderr
    )
    assert "10 files, 4,435,810 bytes were read" in done.stderr
    assert "112,110 are missing: 00000001_000.png, 00000001_001.png, " in done.stderr
    assert done.stderr.endswith("ok\n")
    found = report(cxrcat, real_data / "png")
    assert (found["unchanged"], found["read"], found["found"]) == (10, 0, 10)
    assert len(found["missing_names"]) == found["missing"] == 112110
    rgba = "00001369_000.png"
    (told,) = replicas(cxrcat, rgba)
    assert told["uri"] == (real_data / "png" / rgba).as_uri()
    assert (told["source"], told["size"], told["problem"]) == ("folder", 642372, None)
    assert told["checksum"].startswith("xxh128:")
    shown = cxrcat("replicas", rgba)
    assert told["uri"] in shown.stdout
    assert told["checksum"] in shown.stdout
    assert "642,372" in shown.stdout


def test_what_is_wrong_is_said_and_ends_with_1(
    cxrcat: Run, tmp_path: Path, hernias: list[str]
) -> None:
    folder = fill(tmp_path / "images", hernias[:40])
    put(folder / hernias[0], picture(0)[:-7])
    put(folder / hernias[1], picture(1, 224, 224))
    put(folder / "more" / hernias[2], picture(90))
    put(folder / "x.png", b"")
    done = cxrcat("scan", folder)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"DIFFERS: {hernias[2]}: {folder}/{hernias[2]} xxh128:")
    assert lines[1:] == [
        f"damaged: {folder}/{hernias[0]}: is cut off after {len(picture(0)) - 7:,} bytes",
        f"size: {folder}/{hernias[1]}: has 224 × 224 pixels, not 1024 × 1024",
        f"twice: {hernias[2]}: {folder}/{hernias[2]}, {folder}/more/{hernias[2]}",
        f"not of the dataset: {folder}/x.png",
    ]
    assert "40 of 112,120 images are here, in 41 files" in done.stderr
    assert done.stderr.endswith("not ok\n")
    found = report(cxrcat, folder, code=1)
    assert found["read"] == 0
    assert [each["image"] for each in found["damaged"]] == hernias[:1]
    assert [each["image"] for each in found["resized"]] == hernias[1:2]
    assert [each["image"] for each in found["differing"]] == hernias[2:3]
    assert found["strangers"] == [(folder / "x.png").as_uri()]
    for path in folder.glob("*.png"):
        path.unlink()
    done = cxrcat("scan", folder)
    assert done.returncode == 0, done  # what is gone is not wrong
    gone = [line for line in done.stdout.splitlines() if line.startswith("gone: ")]
    assert len(gone) == 21
    assert gone[-1] == "gone: … and 20 more; --json lists all"
    (lost, kept) = replicas(cxrcat, hernias[2])
    assert (lost["problem"], kept["problem"]) == ("gone", None)


def test_hostile_names_do_not_reach_the_terminal(
    cxrcat: Run, tmp_path: Path, hernias: list[str]
) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\x1b[31m\xff\n"))
    put(folder / hernias[0], b"")
    put(folder / "\x1b]0;.png", b"")
    done = cxrcat("scan", folder)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 2
    found = report(cxrcat, tmp_path, code=1)
    assert found["damaged"][0]["uri"].endswith(f"/%1B%5B31m%FF%0A/{hernias[0]}")
    assert "\x1b" not in cxrcat("replicas", hernias[0]).stdout


def test_wrong_places_are_one_line(cxrcat: Run, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    check_failure(cxrcat("scan", "nowhere"), 2, "nowhere: there is no such folder or archive")
    check_failure(cxrcat("scan", tmp_path / "d", tmp_path / "n"), 2, "/n: there is no such")
    check_failure(cxrcat("scan", "dicomweb"), 2, "cannot be scanned")
    check_failure(cxrcat("scan"), 2, "PLACE")
    check_failure(cxrcat("scan", tmp_path / "d", "--dataset", "nih"), 2, "nih-chest-xray")
    check_failure(cxrcat("replicas", "x.png"), 2, "has no image 'x.png'")
    assert report(cxrcat, tmp_path / "d")["files"] == 0
    assert "not seen anywhere yet" in cxrcat("replicas", "00000001_000.png").stderr


def test_another_dataset_has_sizes_and_names_of_its_own(
    cxrcat: Run, added: Path, tmp_path: Path
) -> None:
    assert cxrcat("dataset", "add", added).returncode == 0
    put(tmp_path / "x" / "a_0.png", png())
    put(tmp_path / "x" / "b_0.png", picture())
    found = report(cxrcat, tmp_path / "x", "--dataset", "tiny", code=1)
    assert (found["dataset"], found["images"], found["found"]) == ("tiny@v1", 3, 2)
    assert [each["image"] for each in found["resized"]] == ["b_0.png"]
    assert found["missing_names"] == ["a_1.png"]
    assert replicas(cxrcat, "00000001_000.png") == []
    shown = cxrcat("replicas", "a_0.png", "--dataset", "tiny")
    assert (tmp_path / "x" / "a_0.png").as_uri() in shown.stdout


def test_a_scan_and_an_export_speak_of_the_same_replicas(
    cxrcat: Run, work: Path, hernias: list[str]
) -> None:
    folder = fill(work / "images", hernias)
    put(folder / hernias[1], picture(1, 99, 99))
    assert report(cxrcat, folder, code=1)["new"] == 227
    assert (
        cxrcat("export", "--subset", "hernia", "--images", "copy", "--from", "images").returncode
        == 0
    )
    check_export(work / "hernia")
    (told,) = replicas(cxrcat, hernias[0])
    assert told["uri"] == (folder / hernias[0]).as_uri()
    found = report(cxrcat, folder, code=1)
    assert (found["new"], found["changed"], found["unchanged"]) == (0, [], 227)
    assert found["read"] == 0  # since the export saw the same bytes
    assert [each["image"] for each in found["resized"]] == [hernias[1]]


def test_a_killed_scan_keeps_what_it_read(
    cxrcat: Run, start: Start, sqlite_location: str, tmp_path: Path
) -> None:
    names = sorted(nih_rows())[:20_000]
    for name in names:
        put(tmp_path / "images" / name, picture())

    def recorded() -> int:
        with sqlite3.connect(sqlite_location, timeout=60) as database:
            (count,) = database.execute("SELECT count(*) FROM replica").fetchone()
        database.close()
        return int(count)

    process = start("scan", tmp_path / "images")
    while process.poll() is None and recorded() == 0:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    if process.returncode == 0:
        pytest.fail("the scan was over before it could be interrupted")
    assert process.returncode == 130
    assert said == "cxrcat: interrupted; nothing was left half-written\n"
    kept = recorded()
    assert 0 < kept < len(names)
    assert kept % 1000 == 0
    found = report(cxrcat, tmp_path / "images")
    assert (found["unchanged"], found["new"], found["read"]) == (
        *(kept, len(names) - kept, len(names) - kept),
    )
    assert cxrcat("doctor").returncode == 0


def test_archives(cxrcat: Run, tmp_path: Path, hernias: list[str]) -> None:
    path = tmp_path / "images_001.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(fill(tmp_path / "images", hernias[:20]), "images")
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    found = report(cxrcat, path, tmp_path)
    assert (found["new"], found["found"], len(found["twice"])) == (40, 20, 20)
    found = report(cxrcat, path, tmp_path)
    assert (found["unchanged"], found["read"]) == (40, 0)
    assert {each["source"]: each["uri"] for each in replicas(cxrcat, hernias[3])} == {
        "nih-archives": f"{path.as_uri()}#images/{hernias[3]}",
        "folder": (tmp_path / "images" / hernias[3]).as_uri(),
    }
    put(path, path.read_bytes()[:-100])
    done = cxrcat("scan", path)
    assert done.returncode == 1
    assert f"damaged: {path}: is no whole archive: " in done.stdout


def fill_bucket(gate: Gate, names: list[str], prefix: str = "png/", bucket: str = BUCKET) -> None:
    gate.put(bucket, {f"{prefix}{name}": picture(number) for number, name in enumerate(names)})


def test_a_bucket_is_listed_and_never_read(cxrcat: Run, gate: Gate, hernias: list[str]) -> None:
    fill_bucket(gate, hernias[:30])
    fill_bucket(gate, hernias[30:31], "png2/")
    gate.put(BUCKET, {"png/x.png": b"1", "png/LICENSE.txt": b"", f"png/{hernias[31]}": b""})
    place = (f"gs://{BUCKET}/png", "--billing-project", PAYER)
    found = report(cxrcat, *place, code=1)
    assert (found["new"], found["found"], found["read"]) == (31, 31, 0)
    assert [each["problem"] for each in found["damaged"]] == ["damaged: is empty"]
    assert found["strangers"] == [f"gs://{BUCKET}/png/x.png"]
    blob = gate.client().bucket(BUCKET).get_blob(f"png/{hernias[0]}")
    (told,) = replicas(cxrcat, hernias[0])
    assert told["uri"] == f"gs://{BUCKET}/png/{hernias[0]}#{blob.generation}"
    assert (told["size"], told["version"]) == (blob.size, str(blob.generation))
    assert told["stored"].startswith("crc32c:")
    assert (told["checksum"], told["source"]) == (None, "gcs")
    found = report(cxrcat, *place, code=1)
    assert (found["new"], found["unchanged"]) == (0, 31)
    gate.put(BUCKET, {f"png/{hernias[0]}": picture(99), f"png/{hernias[31]}": picture(31)})
    gate.client().bucket(BUCKET).blob(f"png/{hernias[1]}").delete()
    found = report(cxrcat, *place, code=1)
    assert (found["new"], found["unchanged"]) == (0, 28)
    assert [(each["image"], each["mended"]) for each in found["changed"]] == [
        (hernias[0], False),
        (hernias[31], True),
    ]
    assert [each["image"] for each in found["gone"]] == [hernias[1]]
    assert [each["problem"] for each in replicas(cxrcat, hernias[0])] == ["gone", None]
    found = report(cxrcat, *place)
    assert (found["unchanged"], found["gone"]) == (30, [])
    done = cxrcat("scan", f"gs://{BUCKET}", "--billing-project", PAYER)
    assert done.returncode == 0, done
    assert "31 of 112,120 images are here, in 31 files: 1 new" in done.stderr
    assert gate.media_requests == []


def test_two_copies_of_a_bucket_differ(cxrcat: Run, gate: Gate, hernias: list[str]) -> None:
    fill_bucket(gate, hernias[:5], "a/")
    fill_bucket(gate, hernias[:5], "b/")
    gate.put(BUCKET, {f"b/{hernias[2]}": picture(2)[:-1] + b"?"})  # of the same size
    found = report(
        cxrcat, f"gs://{BUCKET}/a", f"gs://{BUCKET}/b/", "--billing-project", PAYER, code=1
    )
    assert [each["image"] for each in found["differing"]] == [hernias[2]]
    assert len(found["twice"]) == 5


def test_what_an_export_computed_stays_when_the_bucket_is_scanned(
    cxrcat: Run, gate: Gate, hernias: list[str]
) -> None:
    fill_bucket(gate, hernias, bucket=NIH_BUCKET)
    paid = ("--billing-project", PAYER)
    done = cxrcat(
        *("export", "--subset", "hernia", "--images", "copy", "--from", "gcs-png", "--yes"), *paid
    )
    assert done.returncode == 0, done.stderr
    before = replicas(cxrcat, hernias[0])
    assert before[0]["checksum"]
    for place in ("gcs-png", f"gs://{NIH_BUCKET}/png"):
        found = report(cxrcat, place, *paid)
        assert (found["new"], found["unchanged"], found["found"]) == (0, 227, 227)
        assert replicas(cxrcat, hernias[0]) == before


def test_the_descriptors_bucket_is_known_by_its_name_or_address(
    cxrcat: Run, gate: Gate, hernias: list[str]
) -> None:
    fill_bucket(gate, hernias[:3], bucket=NIH_BUCKET)
    for place in ("gcs-png", f"gs://{NIH_BUCKET}/png"):
        done = cxrcat("scan", place)
        check_failure(done, 3, "its owner lets requesters pay", "--billing-project")
    assert gate.requests == []
    report(cxrcat, f"gs://{NIH_BUCKET}/png", "--billing-project", PAYER)
    assert replicas(cxrcat, hernias[0])[0]["source"] == "gcs-png"


@pytest.mark.parametrize(
    ("bucket", "project", "words"),
    [
        (BUCKET, None, "its owner lets requesters pay"),
        (BUCKET, "another", "no permission"),
        ("nowhere", PAYER, "is not there"),
    ],
)
def test_buckets_that_cannot_be_listed(
    cxrcat: Run, gate: Gate, hernias: list[str], bucket: str, project: str | None, words: str
) -> None:
    fill_bucket(gate, hernias[:3])
    options = ("--billing-project", project) if project else ()
    check_failure(cxrcat("scan", f"gs://{bucket}/png", *options), 3, words, bucket)
    assert replicas(cxrcat, hernias[0]) == []


def test_a_listing_survives_faults_or_records_nothing(
    cxrcat: Run, gate: Gate, hernias: list[str]
) -> None:
    fill_bucket(gate, hernias[:3])
    place = (f"gs://{BUCKET}/png", "--billing-project", PAYER)

    def listing(path: str) -> bool:
        return "prefix=" in path

    gate.faults.append(Fault(listing, status=403))
    check_failure(cxrcat("scan", *place), 3, "no permission")
    assert replicas(cxrcat, hernias[0]) == []
    gate.faults.append(Fault(listing, status=503, headers={"Retry-After": "0"}, times=2))
    assert report(cxrcat, *place)["new"] == 3


def test_nobody_without_credentials_is_left_without_a_word(cxrcat: Run, tmp_path: Path) -> None:
    env = {
        "HOME": str(tmp_path),
        "CLOUDSDK_CONFIG": str(tmp_path),
        "NO_GCE_CHECK": "true",
        "STORAGE_EMULATOR_HOST": "",
    }
    done = cxrcat("scan", "gs://shelf/png", env=env)
    check_failure(done, 3, "there are no Google credentials here")


def test_scans_at_once(cxrcat: Run, start: Start, tmp_path: Path, hernias: list[str]) -> None:
    folders = [fill(tmp_path / str(number), hernias) for number in range(3)]
    for process in [start("scan", folder, "--json") for folder in folders]:
        said, error = process.communicate()
        assert (process.returncode, error) == (0, "")
        assert json.loads(said)["new"] == 227
    assert len(replicas(cxrcat, hernias[0])) == 3
    assert report(cxrcat, *folders)["unchanged"] == 3 * 227


def test_a_full_disk_is_said(
    cxrcat: Run, small_disk: Callable[[str], Path], tmp_path: Path, sqlite_location: str
) -> None:
    disk = small_disk("size=24m")
    catalog = disk / "catalog.sqlite"
    catalog.write_bytes(Path(sqlite_location).read_bytes())
    room = os.statvfs(disk)
    put(disk / "ballast", bytes(max(0, room.f_bavail * room.f_frsize - 150_000)))
    folder = tmp_path / "images"
    for name in names_with("Pneumothorax")[:3000]:
        put(folder / name, picture())
    done = cxrcat("scan", folder, env={"CXRCAT_CATALOG": str(catalog)})
    check_failure(done, 3, "disk is full")
