"""``cxrcat identify``, as whole commands."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ..checks import check_export, check_failure, names_with
from ..conftest import Run
from ..pictures import fill, put, radiograph

NAMES = names_with("Hernia")


def report(done: subprocess.CompletedProcess[str], code: int = 0) -> dict[str, Any]:
    assert (done.returncode, done.stderr) == (code, ""), done
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_real_images_in_disguise(cxrcat: Run, real_data: Path, work: Path) -> None:
    paths = sorted((real_data / "png").glob("*.png"))
    lost = work / "lost"
    lost.mkdir()
    for number, path in enumerate(paths):
        image = Image.open(path).convert("L")  # one is RGBA
        image.resize((224, 224)).save(lost / f"a{number}.jpg", quality=75)
        image.resize((512, 512)).save(lost / f"b{number}.png")
        shutil.copy(path, lost / f"c{number}.png")
        shutil.copy(path, lost / f"train_{path.stem}_0.png")
    done = cxrcat("identify", lost)
    assert done.returncode == 0
    assert "10 of 40 images recognised, 0 unsure, 30 unknown" in done.stderr
    assert "cxrcat scan --fingerprints" in done.stderr
    scanned = cxrcat("scan", real_data / "png", "--fingerprints")
    assert "10 fingerprints were recorded" in scanned.stderr
    found = report(cxrcat("identify", lost, "--json"))
    (only,) = found["datasets"]
    assert (found["files"], found["recognised"], found["unknown"]) == (40, 40, [])
    assert only["files"] == {"name": 0, "like": 10, "checksum": 10, "look": 20}
    assert (only["images"], only["patients"], only["dataset"]) == (10, 10, "nih-chest-xray@v2020")
    for match in only["matches"]:
        name = Path(match["path"]).stem
        whose = name[6:-2] if name.startswith("train_") else paths[int(name[1:])].stem
        assert match["image"] == f"{whose}.png"
    assert all(len(each["paths"]) == 4 for each in only["twice"])
    shown = cxrcat("identify", lost)
    (line,) = [each for each in shown.stdout.splitlines() if each.startswith("nih-chest-xray@")]
    assert line.split()[1:] == ["10", "10", "0", "10", "10", "20"]
    assert "acknowledgement: The NIH Clinical Center is the data provider" in shown.stdout
    read = report(cxrcat("identify", lost, "--contents", "--json"))
    assert read["datasets"][0]["contradictions"] == []
    assert read["recognised"] == 40


def test_a_lost_subset_is_found_again(cxrcat: Run, work: Path) -> None:
    names = NAMES[:30]
    for number, name in enumerate(names):
        put(work / "lost" / "deep" / f"x_{name.replace('.png', '_small.jpg')}", b"%d" % number)
    put(work / "lost" / "cat.jpg", b"a cat")
    put(work / "lost" / "README.md", b"what is it?")
    done = cxrcat("identify", "lost")
    assert done.returncode == 0
    assert "30 of 31 images recognised, 0 unsure, 1 unknown; 1 other files passed over" in (
        done.stderr
    )
    assert "unknown: lost/cat.jpg" in done.stdout
    assert "cxrcat subset create recovered --from-list names.txt" in done.stderr
    listed = cxrcat("identify", "lost", "--list")
    assert listed.stdout.split() == names
    (work / "names.txt").write_text(listed.stdout)
    assert cxrcat("subset", "create", "recovered", "--from-list", "names.txt").returncode == 0
    found = report(cxrcat("identify", "lost", "--json"))
    (nearest, *_) = found["datasets"][0]["nearest"]
    assert (nearest["subset"], nearest["exact"], nearest["jaccard"]) == ("recovered@1", True, 1.0)
    done = cxrcat("identify", "lost")
    assert "these are the subset recovered@1, to the image" in done.stderr
    assert "owed for recovered@1:" in done.stdout
    exported = cxrcat("export", "--subset", "recovered", "--images", "none", "--project", "ward-7")
    assert exported.returncode == 0
    check_export(work / "recovered")
    shown = cxrcat("identify", "lost").stdout
    assert str(work / "recovered") in shown
    assert "projects: ward-7" in shown


def test_lists_come_from_files_and_standard_input(cxrcat: Run, work: Path) -> None:
    (work / "train.csv").write_text("".join(f"{n},{name}\n" for n, name in enumerate(NAMES[:5])))
    found = report(cxrcat("identify", "train.csv", "--json"))
    assert (found["files"], found["datasets"][0]["images"]) == (5, 5)
    piped = cxrcat("identify", "-", "--list", stdin=None, input="\n".join(NAMES[:3]) + "\n")
    assert (piped.returncode, piped.stdout.split()) == (0, NAMES[:3])


def test_an_image_that_is_there_often_is_one_short_line(cxrcat: Run, work: Path) -> None:
    (work / "names.txt").write_text(f"{NAMES[0]}\n" * 5_000)
    (line,) = (
        each for each in cxrcat("identify", "names.txt").stdout.splitlines() if "twice" in each
    )
    assert line.endswith(" … and 4,990 more")
    assert len(line) < 300


def test_nothing_recognised_ends_with_one(cxrcat: Run, work: Path) -> None:
    put(work / "lost" / "cat.png", b"a cat")
    done = cxrcat("identify", "lost", "--names-only")
    assert done.returncode == 1
    assert done.stdout == "unknown: lost/cat.png\n"
    assert report(cxrcat("identify", "lost", "--names-only", "--json"), 1)["datasets"] == []
    assert cxrcat("identify", "lost", "--list", "--names-only").stdout == ""
    (work / "empty").mkdir()
    assert cxrcat("identify", "empty").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], ["nothing", "No such file"]),
        (["."], []),
        ([".", "--contents", "--names-only"], ["--names-only"]),
        ([".", "--dataset", "nih"], ["nih-chest-xray"]),
        (["noise"], ["noise", "no list of names"]),
    ],
)
def test_wrong_use_is_one_line(
    cxrcat: Run, work: Path, arguments: list[str], words: list[str]
) -> None:
    put(work / "noise", bytes(1000))
    done = cxrcat("identify", *arguments)
    if words:
        check_failure(done, 2, *words)
    else:
        assert done.returncode == 1


def test_names_do_not_reach_the_terminal_as_they_are(cxrcat: Run, work: Path) -> None:
    put(work / "lost" / "\x1b]0;owned\x07\n.png", b"x")
    put(work / "lost" / "\x1b[2J00000013_005.png", radiograph(1, size=64))
    put(work / "lost" / "00000013_005.png", b"x")
    done = cxrcat("identify", "lost", "--contents")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout + done.stderr
    assert "twice: 00000013_005.png: lost/\\x1b[2J00000013_005.png, lost/00000013_005.png" in (
        done.stdout
    )


def test_a_folder_of_links_is_known_by_its_names(cxrcat: Run, work: Path) -> None:
    fill(work / "nih", NAMES[:3])
    (work / "train").mkdir()
    for name in NAMES[:3]:
        (work / "train" / name).symlink_to(work / "nih" / name)
    found = report(cxrcat("identify", "train", "--json"))
    assert (found["recognised"], found["datasets"][0]["files"]["name"]) == (3, 3)


def test_what_reads_pictures_may_be_missing(cxrcat: Run, work: Path, tmp_path: Path) -> None:
    put(tmp_path / "broken" / "imagehash.py", b"raise ImportError('no library')")
    without = {"PYTHONPATH": str(tmp_path / "broken")}
    put(work / "nih" / NAMES[0], radiograph(1))
    put(work / "lost" / "film.png", radiograph(1, size=256))
    done = cxrcat("scan", "nih", "--fingerprints", env=without)
    check_failure(done, 2, "pip install 'cxrcat[identify]'")
    assert cxrcat("scan", "nih", env=without).returncode == 0
    assert cxrcat("scan", "nih", "--fingerprints").returncode == 0
    for options in ([], ["--contents"]):
        done = cxrcat("identify", "lost", *options, env=without)
        assert done.returncode == 1
        assert "1 files could be recognised by how they look: pip install" in done.stderr
    assert cxrcat("identify", "lost").returncode == 0
