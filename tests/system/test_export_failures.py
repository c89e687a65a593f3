"""Exports that cannot be: one line, the right exit code, and nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ..checks import check_export, check_failure
from ..conftest import Run
from .conftest import COMMAND, Made

Disk = Callable[[str], Path]
EXPORT = ("export", "--subset", "hernia")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--subset", "pneumotorax"), "did you mean pneumothorax"),
        (("--subset", "Hernia"), "hernia"),
        (("--subset", "hernia@7"), "no version '7'"),
        (("--subset", "hernia@"), "no version ''"),
        (("--subset", "nih-chest-xrai/hernia"), "did you mean nih-chest-xray"),
        (("--subset", ""), "unknown subset ''"),
        (("--subset", "x\n\x1b[31my\r"), "unknown subset"),
        (("--subset", "hernia", "--project", "A B"), "cannot name a project"),
        (("--subset", "hernia", "--project", ""), "cannot name a project"),
        (("--subset", "hernia", "--project", "x" * 500), "cannot name a project"),
        (("--subset", "hernia", "--to", "x" * 250), "at most 200 bytes"),
        (("--subset", "hernia", "--to", "/"), "choose another --to"),
    ],
    ids=lambda value: "/".join(value)[:30] if isinstance(value, tuple) else None,
)
def test_what_cannot_be_asked(
    cxrcat: Run, work: Path, arguments: tuple[str, ...], words: str
) -> None:
    check_failure(cxrcat("export", *arguments), 2, words)
    assert list(work.iterdir()) == []
    assert json.loads(cxrcat("exports", "--json").stdout) == []


def test_a_folder_that_is_there_is_left_alone(cxrcat: Run, made: Made) -> None:
    before = (made.folder / "provenance.json").read_bytes()
    check_failure(cxrcat(*EXPORT), 2, made.folder, "replace it with --force")
    assert (made.folder / "provenance.json").read_bytes() == before
    check_export(made.folder)


def test_force_replaces_an_earlier_export(cxrcat: Run, made: Made) -> None:
    first = check_export(made.folder)
    done = cxrcat("export", "--subset", "mass", "--to", made.folder, "--force")
    assert done.returncode == 0, done.stderr
    second = check_export(made.folder)
    assert first.export.id != second.export.id
    assert (first.subset.name, second.subset.name) == ("hernia", "mass")


def _add_file(folder: Path) -> None:
    (folder / "images" / "notes.txt").write_text("mine")


def _add_link(folder: Path) -> None:
    (folder / "link").symlink_to("/etc")


def _remove_manifest(folder: Path) -> None:
    (folder / "provenance.json").unlink()


def _break_manifest(folder: Path) -> None:
    (folder / "provenance.json").write_text("{}")


def _remove_list(folder: Path) -> None:
    (folder / "checksums.xxh128").unlink()


def _break_list(folder: Path) -> None:
    (folder / "checksums.xxh128").write_text("nonsense\n")


def _make_foreign(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "thesis.tex").write_text("mine")


def _make_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("mine")


def _make_link(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to("elsewhere")


def _make_dead_link(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to("nowhere")


@pytest.mark.parametrize(
    "change",
    [
        _add_file,
        _add_link,
        _remove_manifest,
        _break_manifest,
        _remove_list,
        _break_list,
        _make_foreign,
        _make_file,
        _make_link,
        _make_dead_link,
    ],
)
def test_force_replaces_nothing_else(
    cxrcat: Run, made: Made, change: Callable[[Path], None]
) -> None:
    change(made.folder)
    before = _everything(made.folder.parent)
    line = check_failure(cxrcat(*EXPORT, "--force"), 2, made.folder)
    assert "--to" in line or "move it away" in line
    assert _everything(made.folder.parent) == before


def _everything(folder: Path) -> dict[str, bytes | str]:
    return {
        str(path): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_a_place_below_a_file(cxrcat: Run, work: Path) -> None:
    (work / "file").write_text("mine")
    check_failure(cxrcat(*EXPORT, "--to", "file/below"), 3, work / "file")
    assert (work / "file").read_text() == "mine"


def test_a_disk_that_cannot_be_written(cxrcat: Run, small_disk: Disk, sqlite_location: str) -> None:
    disk = small_disk("size=4m,ro")
    check_failure(cxrcat(*EXPORT, "--to", disk / "out"), 3, disk, "Read-only file system")
    check_failure(cxrcat(*EXPORT, "--to", disk / "a/b/out"), 3, disk, "Read-only file system")
    assert sqlite_location  # the catalog is elsewhere


@pytest.mark.usefixtures("cxrcat")
def test_a_disk_whose_rights_do_not_suffice(work: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "hernia").mkdir(mode=0)
    locked.chmod(0o555)
    command = [shutil.which("setpriv") or "setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    if os.geteuid() == 0 and subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("root cannot give up its powers here")
    catalog = os.environ | {"CXRCAT_CATALOG": str(tmp_path / "catalog.sqlite")}
    for name in ("hernia", "new", "hernia/below", "deep/er"):
        done = subprocess.run(
            [*(command if os.geteuid() == 0 else ()), COMMAND, *EXPORT, "--to", locked / name],
            cwd=work,
            env=catalog,
            capture_output=True,
            text=True,
            check=False,
        )
        check_failure(done, 3, locked, "Permission denied")
    locked.chmod(0o755)
    assert [path.name for path in locked.iterdir()] == ["hernia"]


def test_a_full_disk_is_known_in_advance(
    cxrcat: Run, hernias: list[str], image_folder: Callable[..., Path], small_disk: Disk
) -> None:
    source = image_folder(hernias, padding=50_000)
    disk = small_disk("size=4m")
    done = cxrcat(*EXPORT, "--images", "copy", "--from", source, "--to", disk / "deep/out")
    check_failure(done, 3, "No space left", "nothing was exported")
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("inodes", [3, 9, 20, 236])
def test_a_disk_that_is_full_on_the_way(
    cxrcat: Run,
    hernias: list[str],
    image_folder: Callable[..., Path],
    small_disk: Disk,
    inodes: int,
) -> None:
    """A disk may have room for bytes and none for files; nothing can know that in advance."""
    source = image_folder(hernias)
    disk = small_disk(f"size=16m,nr_inodes={inodes}")
    done = cxrcat(*EXPORT, "--images", "copy", "--from", source, "--to", disk / "out")
    check_failure(done, 3, "No space left", "nothing was exported")
    assert list(disk.iterdir()) == []
    assert json.loads(cxrcat("exports", "--json").stdout) == []


@pytest.mark.parametrize(("inodes", "file"), [(4, "boxes.csv"), (5, "boxes.coco.json")])
def test_a_disk_that_is_full_before_the_boxes(
    cxrcat: Run, small_disk: Disk, inodes: int, file: str
) -> None:
    disk = small_disk(f"size=16m,nr_inodes={inodes}")
    done = cxrcat("export", "--subset", "nodule", "--to", disk / "out")
    check_failure(done, 3, file, "No space left", "nothing was exported")
    assert list(disk.iterdir()) == []


def test_a_table_larger_than_the_disk(cxrcat: Run, small_disk: Disk) -> None:
    disk = small_disk("size=2m")
    done = cxrcat("export", "--subset", "no-finding", "--to", disk / "out")
    check_failure(done, 3, disk, "No space left", "nothing was exported")
    assert list(disk.iterdir()) == []


def test_force_on_a_full_disk_keeps_the_earlier_export(cxrcat: Run, small_disk: Disk) -> None:
    disk = small_disk("size=4m")
    assert cxrcat(*EXPORT, "--to", disk / "out").returncode == 0
    first = check_export(disk / "out").export.id
    done = cxrcat("export", "--subset", "no-finding", "--to", disk / "out", "--force")
    check_failure(done, 3, "No space left")
    assert check_export(disk / "out").export.id == first
