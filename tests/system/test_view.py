"""One image: what is known of it, the viewer's page, and a picture with its boxes."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ..checks import AUTHORS, DOI, LINK, check_failure, nih_boxes, nih_rows
from ..conftest import Run, png
from ..orthanc import Orthanc, instance, orthanc_server
from .conftest import Made

BOXED = next(name for name, *_ in nih_boxes())
PLAIN = "00000001_000.png"

Images = Callable[..., Path]


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Return a folder with one image that has a box, as large as NIH's are."""
    folder = tmp_path / "shelf" / "images_001"
    folder.mkdir(parents=True)
    stream = io.BytesIO()
    Image.new("L", (1024, 1024), 90).save(stream, "PNG")
    (folder / BOXED).write_bytes(stream.getvalue())
    return folder.parent


def opened(path: Path) -> Image.Image:
    """Return a picture with its texts."""
    with Image.open(path) as image:
        image.load()
    return image


def test_what_is_known_is_shown(cxrcat: Run) -> None:
    row = nih_rows()[BOXED]
    done = cxrcat("view", BOXED)
    assert (done.returncode, done.stderr) == (0, "")
    shown = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " box" not in line)
    assert shown["image"] == BOXED
    assert shown["patient"] == row["Patient ID"]
    assert shown["age"] == row["Patient Age"]
    assert shown["sex"] == row["Patient Gender"]
    assert shown["eUnity"] == "https://demo.eunity.app"
    found = json.loads(cxrcat("view", BOXED, "--json").stdout)
    assert found["row"]["name"] == BOXED
    assert found["row"]["view"] == row["View Position"]
    (said,) = found["labels"]
    labels = sorted(label.casefold() for label in row["Finding Labels"].split("|"))
    assert said["states"] == {"present": [label.replace(" ", "_") for label in labels]}
    boxes = [[float(cell) for cell in box[2:]] for box in nih_boxes() if box[0] == BOXED]
    shown_boxes = [[box["x"], box["y"], box["width"], box["height"]] for box in found["boxes"]]
    assert np.allclose(shown_boxes, boxes)
    assert {name.partition("@")[0].replace("-", "_") for name in found["subsets"]} >= set(
        said["states"]["present"]
    )
    assert (found["replicas"], found["withdrawn"], found["saved"]) == ([], None, None)
    assert found["viewers"][0] == ["eUnity", "https://demo.eunity.app"]


def test_replicas_and_withdrawals_are_shown(cxrcat: Run, made: Made, hernias: list[str]) -> None:
    assert made.folder.is_dir()
    done = cxrcat("withdraw", "--image", hernias[0], "--reason", "wrong patient")
    assert done.returncode == 0, done.stderr
    done = cxrcat("view", hernias[0])
    assert "withdrawn     wrong patient" in done.stdout
    assert next(made.source.rglob(hernias[0])).as_uri() in done.stdout
    found = json.loads(cxrcat("view", hernias[0], "--json").stdout)
    assert found["withdrawn"] == "wrong patient"
    assert [each["source"] for each in found["replicas"]] == ["folder"]
    assert "hernia@1" in found["subsets"]
    assert "hernia@2" not in found["subsets"]


@pytest.mark.parametrize("name", ["nothing.png", "00000001_000", "../x", "\x1b[31m"])
def test_an_unknown_image(cxrcat: Run, work: Path, name: str) -> None:
    check_failure(cxrcat("view", name), 2, "has no image")
    check_failure(cxrcat("view", name, "--save", "a.png", "--from", "."), 2, "has no image")
    assert list(work.iterdir()) == []


def test_a_picture_with_its_box_and_words(cxrcat: Run, work: Path, shelf: Path) -> None:
    done = cxrcat("view", BOXED, "--save", "seen.png", "--from", shelf)
    assert done.returncode == 0, done.stderr
    assert "nih-citation" in done.stderr
    image = opened(work / "seen.png")
    assert (image.mode, image.size) == ("RGB", (1024, 1024))
    words = image.info["Copyright"]
    for word in (LINK, DOI, "NIH Clinical Center"):
        assert word in words
    assert AUTHORS  # whose paper the link leads to
    drawn = (np.asarray(image) != 90).any(axis=-1)
    _, _, *box = next(each for each in nih_boxes() if each[0] == BOXED)
    x, y, width, height = map(float, box)
    middle = round(y + height / 2)
    assert drawn[middle, round(x) - 2 : round(x) + 4].any()
    assert drawn[middle, round(x + width) - 4 : round(x + width) + 2].any()
    assert not drawn[middle, round(x) + 8 : round(x + width) - 8].any()
    assert stat.S_IMODE((work / "seen.png").stat().st_mode) & 0o111 == 0
    assert [path.name for path in work.iterdir()] == ["seen.png"]


def test_an_instance_in_a_folder_is_drawn(cxrcat: Run, work: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dicom"
    folder.mkdir()
    data = instance(3, PixelData=bytes(range(48)), PhotometricInterpretation="MONOCHROME1")
    (folder / PLAIN.replace(".png", ".dcm")).write_bytes(data)
    done = cxrcat("view", PLAIN, "--save", "seen.png", "--from", folder)
    assert done.returncode == 0, done.stderr
    pixels = np.asarray(opened(work / "seen.png"))
    assert pixels.flatten().tolist() == [255 - each for each in range(48)]


def test_without_a_source_a_recorded_file_is_drawn(
    cxrcat: Run, work: Path, made: Made, hernias: list[str]
) -> None:
    name = hernias[3]
    original = next(made.source.rglob(name))
    done = cxrcat("view", name, "--save", "seen.png", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["saved"]["drawn_from"] == str(original)
    assert (np.asarray(opened(work / "seen.png")) == np.asarray(opened(original))).all()


@pytest.mark.parametrize("fault", ["changed", "gone", "a pipe"])
def test_a_recorded_file_that_is_no_longer_it_is_not_drawn(
    cxrcat: Run, work: Path, hernias: list[str], image_folder: Images, fault: str
) -> None:
    name = hernias[3]
    source = image_folder(hernias)
    done = cxrcat("export", "--subset", "hernia", "--images", "copy", "--from", source)
    assert done.returncode == 0, done.stderr
    path = next(source.rglob(name))
    path.unlink()
    if fault == "changed":
        path.write_bytes(png(seed=99))
    elif fault == "a pipe":
        os.mkfifo(path)
    done = cxrcat("view", name, "--save", "seen.png")
    check_failure(done, 2, name, "--from SOURCE", "cxrcat scan")
    assert not (work / "seen.png").exists()


def test_a_file_that_is_there_is_kept(cxrcat: Run, work: Path, shelf: Path) -> None:
    command = ("view", BOXED, "--save", "seen.png", "--from", shelf)
    (work / "seen.png").write_text("mine")
    check_failure(cxrcat(*command), 2, "seen.png: is there already", "--force")
    assert (work / "seen.png").read_text() == "mine"
    assert cxrcat(*command, "--force").returncode == 0
    assert opened(work / "seen.png").size == (1024, 1024)
    (work / "link.png").symlink_to("nowhere")
    check_failure(cxrcat("view", BOXED, "--save", "link.png", "--from", shelf), 2, "is there")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--save", "seen.jpg", "--from", "."), "ends in .png"),
        (("--save", "none/seen.png", "--from", "."), "there is no such folder"),
        (("--save", "folder.png", "--from", "."), "is a folder"),
        (("--save", "seen.png", "--from", "nowhere"), "there is no such folder"),
        (("--save", "seen.png", "--from", "."), "is not in"),
        (("--save", "seen.png"), "--from SOURCE"),
        (("--from", "."), "--save FILE.png"),
        (("--force",), "--save FILE.png"),
        (("--save", "seen.png", "--from", "bigquery"), "no images"),
        (("--dataset", "nowhere"), "unknown dataset"),
    ],
)
def test_wrong_usage(cxrcat: Run, work: Path, arguments: tuple[str, ...], words: str) -> None:
    (work / "folder.png").mkdir()
    check_failure(cxrcat("view", PLAIN, *arguments), 2, words)
    assert [path.name for path in work.iterdir()] == ["folder.png"]


@pytest.mark.parametrize(
    ("package", "arguments"),
    [
        ("PIL", ("view", BOXED, "--save", "seen.png", "--from", "SHELF")),
        ("pydicom", ("view", PLAIN, "--save", "seen.png", "--from", "https://host/dicom-web")),
        ("dicomweb_client", ("view", PLAIN, "--save", "seen.png", "--from", "https://host/x")),
    ],
)
def test_a_missing_library_is_named(
    work: Path,
    cxrcat: Run,
    sqlite_location: str,
    shelf: Path,
    package: str,
    arguments: tuple[str, ...],
) -> None:
    assert cxrcat("--version").returncode == 0
    given = [str(shelf) if each == "SHELF" else each for each in arguments]
    code = f"import sys; sys.modules[{package!r}] = None; sys.argv[1:] = {given!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}from cxrcat.cli import main; main()"],
        cwd=work,
        env={**os.environ, "CXRCAT_CATALOG": sqlite_location},
        capture_output=True,
        text=True,
        check=False,
    )
    check_failure(done, 2, "more packages: pip install 'cxrcat[dicom]'")
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"<html>", png()[:-20], b"\x89PNG\r\n\x1a\n" + bytes(99)])
def test_a_hostile_image_is_not_drawn(cxrcat: Run, work: Path, tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / "hostile"
    folder.mkdir()
    (folder / PLAIN).write_bytes(data)
    check_failure(cxrcat("view", PLAIN, "--save", "seen.png", "--from", folder), 2, PLAIN)
    assert list(work.iterdir()) == []


def test_a_full_disk(cxrcat: Run, shelf: Path, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("size=4k")
    done = cxrcat("view", BOXED, "--save", disk / "seen.png", "--from", shelf)
    check_failure(done, 3, "cannot be written")
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("works", [True, False])
def test_the_viewer_is_opened(cxrcat: Run, tmp_path: Path, works: bool) -> None:
    browser = tmp_path / "browser"
    ending = "" if works else "exit 1"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/opened\n{ending}\n', "utf-8")
    browser.chmod(0o755)
    env = {"BROWSER": f"{browser} %s", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    done = cxrcat("view", PLAIN, "--open", env=env)
    assert done.returncode == 0
    assert (tmp_path / "opened").read_text().split()[0] == "https://demo.eunity.app"
    assert ("no browser" in done.stderr) != works


def test_a_dataset_without_a_viewer(cxrcat: Run, added: Path) -> None:
    assert cxrcat("dataset", "add", added).returncode == 0
    done = cxrcat("view", "a_0.png", "--dataset", "tiny")
    assert (done.returncode, done.stderr) == (0, "")
    assert "mass" in done.stdout
    check_failure(cxrcat("view", "a_0.png", "--dataset", "tiny", "--open"), 2, "names no viewer")


@pytest.fixture(scope="module")
def orthanc() -> Iterator[Orthanc]:
    with orthanc_server() as server:
        yield server


def test_an_instance_from_a_server_is_drawn(cxrcat: Run, work: Path, orthanc: Orthanc) -> None:
    name = next(name for name in nih_rows() if name.startswith("00000002"))
    orthanc.put([instance(5, nih_rows()[name], PixelData=bytes(range(48)))])
    place = f"dicomweb:{orthanc.direct}"
    done = cxrcat("view", name, "--save", "seen.png", "--from", place)
    assert done.returncode == 0, done.stderr
    assert "google-conversion" in done.stderr
    assert np.asarray(opened(work / "seen.png")).flatten().tolist() == list(range(48))
    done = cxrcat("view", PLAIN, "--save", "other.png", "--from", place)
    check_failure(done, 2, f"{PLAIN} is not in {orthanc.direct}")


def test_the_real_images(cxrcat: Run, work: Path, real_data: Path) -> None:
    for path in sorted((real_data / "png").glob("*.png")):
        done = cxrcat("view", path.name, "--save", path.name, "--from", real_data / "png")
        assert done.returncode == 0, done.stderr
        image = opened(work / path.name)
        assert (image.size, image.mode in ("L", "RGB")) == ((1024, 1024), True)
