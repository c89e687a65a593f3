"""``cxrcat subset show --plot`` and ``--plot-file``, and the boxes and bars of whole exports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from ..checks import check_export, check_failure
from ..conftest import Run

SHOW = ("subset", "show", "hernia")


def test_bars_stand_under_the_funnel(cxrcat: Run, work: Path) -> None:
    plain = cxrcat(*SHOW)
    done = cxrcat(*SHOW, "--plot")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(plain.stdout + "\nimages by finding (labels nih;")
    drawn = done.stdout.removeprefix(plain.stdout + "\n")
    assert max(map(len, drawn.splitlines())) < 80
    for line in ("Hernia              227  100.0%  ██", "PA  192   84.6%  ██", "50-59  47  ██"):
        assert f"\n{line}" in drawn
    assert cxrcat("export", "--subset", "hernia").returncode == 0
    assert f"```text\n{drawn}```\n" in (work / "hernia" / "README.md").read_text("utf-8")


def test_bars_without_block_characters(cxrcat: Run) -> None:
    done = cxrcat(*SHOW, "--plot", env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "PA  192   84.6%  ##" in done.stdout


def test_a_subset_without_images_has_none(cxrcat: Run) -> None:
    assert cxrcat("subset", "create", "nobody", "--where", "false").returncode == 0
    shown = cxrcat("subset", "show", "nobody", "--plot")
    assert (shown.returncode, shown.stdout) == (0, cxrcat("subset", "show", "nobody").stdout)


def test_json_holds_the_profile_when_it_is_asked_for(cxrcat: Run, work: Path) -> None:
    plain = json.loads(cxrcat(*SHOW, "--json").stdout)
    done = cxrcat(*SHOW, "--json", "--plot")
    assert done.stderr == ""
    with_profile = json.loads(done.stdout)
    profile = with_profile.pop("profile")
    assert with_profile == plain
    assert cxrcat("export", "--subset", "hernia").returncode == 0
    check_export(work / "hernia")
    manifest = json.loads((work / "hernia" / "provenance.json").read_bytes())
    assert manifest["subset"]["profile"] == profile


@pytest.mark.parametrize("name", ["x.svg", "deep/x.png", "x.PNG", "täst ⚕.svg"])
def test_a_picture(cxrcat: Run, work: Path, name: str) -> None:
    (work / "deep").mkdir()
    done = cxrcat(*SHOW, "--plot-file", name)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"picture      {name}\n" in done.stdout
    if name.endswith(".svg"):
        text = (work / name).read_text("utf-8")
        assert text.startswith("<?xml")
        assert "The NIH Clinical Center is the data provider" in text
        again = cxrcat("subset", "show", "hernia@1", "--plot-file", name, "--json")
        assert json.loads(again.stdout)["name"] == "hernia"
        assert (work / name).read_text("utf-8") == text
    else:
        with Image.open(work / name) as image:
            image.load()
            assert image.format == "PNG"
    made = [path for path in work.rglob("*") if path.is_file()]
    assert made == [work / name]


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("x.pdf", 2, "x.pdf: a picture's name ends in .svg or .png"),
        ("", 2, ".svg or .png"),
        ("x\n.gif", 2, ".svg or .png"),
        ("nowhere/x.png", 2, "nowhere: there is no such folder"),
        ("folder.svg", 2, "folder.svg: is a folder"),
        ("/proc/x.svg", 3, "/proc/x.svg: cannot be written"),
    ],
)
def test_what_cannot_be_drawn(cxrcat: Run, work: Path, name: str, code: int, words: str) -> None:
    (work / "folder.svg").mkdir()
    check_failure(cxrcat(*SHOW, "--plot", "--plot-file", name), code, words)
    check_failure(cxrcat(*SHOW, "--json", "--plot-file", name), code, words)
    assert list(work.rglob("*")) == [work / "folder.svg"]


def test_a_subset_that_is_not_there_is_not_drawn(cxrcat: Run, work: Path) -> None:
    done = cxrcat("subset", "show", "hernai", "--plot", "--plot-file", "x.svg")
    check_failure(done, 2, "did you mean hernia")
    assert list(work.iterdir()) == []


def test_a_full_disk_leaves_what_was_there(cxrcat: Run, small_disk: Callable[[str], Path]) -> None:
    place = small_disk("size=64k")
    (place / "x.svg").write_text("of yesterday")
    check_failure(cxrcat(*SHOW, "--plot-file", place / "x.svg"), 3, "No space left on device")
    assert [path.name for path in place.iterdir()] == ["x.svg"]
    assert (place / "x.svg").read_text() == "of yesterday"


def test_without_the_extra_it_says_what_to_install(cxrcat: Run, work: Path, tmp_path: Path) -> None:
    fake = tmp_path / "fake" / "matplotlib"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text("raise ModuleNotFoundError('none', name='matplotlib')")
    env = {"PYTHONPATH": str(fake.parent)}
    done = cxrcat(*SHOW, "--plot-file", "x.svg", env=env)
    check_failure(done, 2, "'matplotlib' is needed and not installed; pip install 'cxrcat[plot]'")
    assert cxrcat(*SHOW, "--plot", env=env).returncode == 0
    assert list(work.iterdir()) == []


def test_an_export_and_the_bars_import_nothing_that_takes_long(
    sqlite_location: str, tmp_path: Path
) -> None:
    code = f"""
import atexit, os, sys
os.chdir({str(tmp_path)!r})
heavy = {{"numpy", "matplotlib", "pandas", "pycocotools"}}
atexit.register(lambda: print(sorted(set(sys.modules) & heavy), file=sys.stderr))
from cxrcat.cli import main
sys.argv = ["cxrcat", "--catalog", {sqlite_location!r}, *sys.argv[1:]]
main()
"""
    for words in (("export", "--subset", "mass", "--json"), ("subset", "show", "mass", "--plot")):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "[]\n"), words
    assert check_export(tmp_path / "mass").subset.images == 5_782


def test_boxes_that_were_changed_or_lost_are_found(cxrcat: Run, work: Path) -> None:
    assert cxrcat("export", "--subset", "nodule").returncode == 0
    check_export(work / "nodule")
    with (work / "nodule" / "boxes.csv").open("a") as stream:
        stream.write("00000001_000.png,Mass,0,0,1,1\n")
    (work / "nodule" / "boxes.coco.json").unlink()
    done = cxrcat("verify", "nodule", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["changed"], found["missing"]) == (["boxes.csv"], ["boxes.coco.json"])


def test_force_takes_the_boxes_of_an_earlier_export_away(cxrcat: Run, work: Path) -> None:
    assert cxrcat("export", "--subset", "nodule", "--to", "here").returncode == 0
    assert (work / "here" / "boxes.csv").is_file()
    where = "hernia and not boxed()"
    assert cxrcat("subset", "create", "plain", "--where", where).returncode == 0
    done = cxrcat("export", "--subset", "plain", "--to", "here", "--force")
    assert done.returncode == 0, done.stderr
    check_export(work / "here")
    assert not (work / "here" / "boxes.csv").exists()
