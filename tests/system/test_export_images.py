"""Images that an export brings: copied or linked, whole, counted, and where they were found."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ..checks import check_export, check_failure, rows_of
from ..conftest import Run, png
from .conftest import Made

Images = Callable[..., Path]
COPY = ("export", "--subset", "hernia", "--images", "copy", "--from")


@pytest.mark.parametrize("mode", ["copy", "hardlink"])
def test_images_are_brought_and_hashed(
    cxrcat: Run,
    work: Path,
    hernias: list[str],
    image_folder: Images,
    sqlite_location: str,
    mode: str,
) -> None:
    source = image_folder(hernias)
    (source / "readme.txt").write_text("not an image")
    done = cxrcat("export", "--subset", "hernia", "--images", mode, "--from", source)
    assert done.returncode == 0, done.stderr
    manifest = check_export(work / "hernia")
    assert (manifest.images.mode, manifest.images.files) == (mode, 227)
    originals = {path.name: path for path in source.rglob("*.png")}
    for row in rows_of(work / "hernia"):
        image = work / "hernia" / row["path"]
        original = originals[row["name"]]
        assert image.read_bytes() == original.read_bytes()
        assert image.samefile(original) == (mode == "hardlink")
    with sqlite3.connect(sqlite_location) as database:
        found = database.execute("SELECT uri, size, checksum, source FROM replica").fetchall()
    database.close()
    assert {uri: (size, checksum) for uri, size, checksum, _ in found} == {
        originals[row["name"]].as_uri(): (int(row["size"]), row["checksum"])
        for row in rows_of(work / "hernia")
    }
    assert cxrcat("verify", "hernia").returncode == 0


def test_a_second_export_sees_the_same_replicas(
    cxrcat: Run, work: Path, hernias: list[str], image_folder: Images, sqlite_location: str
) -> None:
    source = image_folder(hernias)
    for number in range(2):
        assert cxrcat(*COPY, source, "--to", f"copy{number}").returncode == 0
        check_export(work / f"copy{number}")
    with sqlite3.connect(sqlite_location) as database:
        assert database.execute("SELECT count(*) FROM replica").fetchone() == (len(hernias),)
    database.close()


@pytest.mark.parametrize("mode", ["copy", "hardlink"])
def test_the_real_images(
    cxrcat: Run, work: Path, tmp_path: Path, real_data: Path, mode: str
) -> None:
    names = sorted(path.name for path in (real_data / "png").glob("*.png"))
    listed = ", ".join(f"'{name}'" for name in names)
    assert cxrcat("subset", "create", "ten", "--where", f"name in ({listed})").returncode == 0
    source = Path(shutil.copytree(real_data / "png", tmp_path / "a" / "b"))  # on one file system
    done = cxrcat("export", "--subset", "ten", "--images", mode, "--from", tmp_path / "a")
    assert done.returncode == 0, done.stderr
    manifest = check_export(work / "ten")
    assert manifest.images.files == manifest.subset.images == len(names) == 10
    for name in names:
        assert (work / "ten/images" / name).read_bytes() == (source / name).read_bytes()


def test_missing_images_stop_the_export_before_it_begins(
    cxrcat: Run, work: Path, hernias: list[str], image_folder: Images
) -> None:
    source = image_folder(hernias[5:])
    done = cxrcat(*COPY, source)
    line = check_failure(done, 2, "5 of 227 images are not in", *hernias[:3], "--allow-missing")
    assert hernias[3] not in line
    assert list(work.iterdir()) == []


def test_missing_images_are_recorded_when_that_is_allowed(
    cxrcat: Run, work: Path, hernias: list[str], image_folder: Images
) -> None:
    done = cxrcat(*COPY, image_folder(hernias[5:]), "--allow-missing")
    assert done.returncode == 0, done.stderr
    assert "5 images are missing" in done.stderr
    manifest = check_export(work / "hernia")
    assert (manifest.images.files, manifest.images.missing) == (222, 5)
    assert [row["name"] for row in rows_of(work / "hernia") if not row["path"]] == hernias[:5]
    assert cxrcat("verify", "hernia").returncode == 0
    (record,) = json.loads(cxrcat("exports", "--json").stdout)
    assert (record["files"], record["missing"]) == (222, 5)


def test_no_image_at_all_may_be_there(cxrcat: Run, work: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    check_failure(cxrcat(*COPY, tmp_path / "none"), 2, "227 of 227 images")
    assert cxrcat(*COPY, tmp_path / "none", "--allow-missing").returncode == 0
    manifest = check_export(work / "hernia")
    assert (manifest.images.files, manifest.images.missing) == (0, 227)


def _damage(path: Path, fault: str) -> None:
    whole = path.read_bytes()
    match fault:
        case "cut off":
            path.write_bytes(whole[:-5])
        case "no PNG":
            path.write_bytes(b"GIF89a" + whole)
        case "empty":
            path.write_bytes(b"")
        case "another end":
            path.write_bytes(whole + b"more")
        case "unreadable":  # even for root
            path.unlink()
            path.symlink_to("/proc/self/mem")


@pytest.mark.parametrize(
    ("fault", "mode"),
    [
        ("cut off", "copy"),
        ("no PNG", "copy"),
        ("empty", "copy"),
        ("another end", "copy"),
        ("unreadable", "copy"),
        ("cut off", "hardlink"),
        ("empty", "hardlink"),
    ],
)
def test_a_damaged_image_is_named_and_nothing_is_left(
    cxrcat: Run, work: Path, hernias: list[str], image_folder: Images, fault: str, mode: str
) -> None:
    source = image_folder(hernias)
    image = next(source.rglob(hernias[100]))
    _damage(image, fault)
    done = cxrcat("export", "--subset", "hernia", "--images", mode, "--from", source)
    check_failure(done, 2, image)
    assert list(work.iterdir()) == []
    assert json.loads(cxrcat("exports", "--json").stdout) == []


def test_one_name_for_two_sizes_is_refused(
    cxrcat: Run, work: Path, hernias: list[str], image_folder: Images
) -> None:
    source = image_folder(hernias)
    image = next(source.rglob(hernias[7]))
    (source / image.name).write_bytes(image.read_bytes())
    assert cxrcat(*COPY, source).returncode == 0  # the same size twice is a mere copy
    check_export(work / "hernia")
    (source / image.name).write_bytes(png(padding=1))
    done = cxrcat(*COPY, source, "--to", "again")
    check_failure(done, 2, hernias[7], "there twice", image, source / image.name)
    assert not (work / "again").exists()


def test_loops_pipes_and_dead_links_in_the_source_do_no_harm(
    cxrcat: Run, work: Path, hernias: list[str], image_folder: Images
) -> None:
    source = image_folder(hernias[1:])
    (source / "images_001" / "loop").symlink_to(source)
    (source / "dead").symlink_to("nowhere")
    os.mkfifo(source / hernias[0])
    done = cxrcat(*COPY, source)
    check_failure(done, 2, "1 of 227 images", hernias[0])
    elsewhere = image_folder(hernias[:1], folder="elsewhere")
    (source / "more").symlink_to(elsewhere)
    done = cxrcat(*COPY, source)
    assert done.returncode == 0, done.stderr
    check_export(work / "hernia")


def test_a_link_to_itself_in_the_source_does_no_harm(
    cxrcat: Run, work: Path, hernias: list[str], image_folder: Images
) -> None:
    source = image_folder(hernias)
    (source / "itself").symlink_to("itself")
    assert cxrcat(*COPY, source).returncode == 0
    check_export(work / "hernia")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--images", "copy"), "need --from SOURCE"),
        (("--images", "hardlink"), "need --from SOURCE"),
        (("--from", "."), "is for --images copy or --images hardlink"),
        (("--images", "none", "--from", "."), "is for --images copy"),
        (("--images", "copy", "--from", "nowhere"), "nowhere: there is no such folder"),
        (("--images", "copy", "--from", "/dev/null"), "/dev/null: there is no such folder"),
        (("--images", "move", "--from", "."), "--images"),
    ],
)
def test_options_that_do_not_fit(
    cxrcat: Run, work: Path, arguments: tuple[str, ...], words: str
) -> None:
    check_failure(cxrcat("export", "--subset", "hernia", *arguments), 2, words)
    assert list(work.iterdir()) == []


def test_links_do_not_reach_another_disk(
    cxrcat: Run,
    work: Path,
    hernias: list[str],
    image_folder: Images,
    small_disk: Callable[[str], Path],
) -> None:
    disk = small_disk("size=8m")
    source = Path(shutil.copytree(image_folder(hernias), disk / "images"))
    done = cxrcat("export", "--subset", "hernia", "--images", "hardlink", "--from", source)
    check_failure(done, 3, "cannot be linked to", "--images copy")
    assert list(work.iterdir()) == []


def test_xxhsum_finds_every_image_as_it_was_written(made: Made) -> None:
    if not shutil.which("xxhsum"):
        pytest.skip("xxhsum is not installed: run scripts/test-tools")
    command = ["xxhsum", "-c", "checksums.xxh128"]
    done = subprocess.run(command, cwd=made.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": OK\n") == 227 + 14
    (made.folder / "README.md").write_text("changed")
    done = subprocess.run(command, cwd=made.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "README.md: FAILED" in done.stdout
