"""``cxrcat verify`` finds every change of an export, and never reads outside it."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cxrcat.catalog.verify import verify
from cxrcat.schemas.errors import CheckFailedError

from ..checks import FILES, check_failure
from ..conftest import Run
from .conftest import Made


def found_by(cxrcat: Run, folder: Path) -> dict[str, list[str]]:
    """Assert that a check finds something, and return what."""
    done = cxrcat("verify", folder, "--json")
    assert done.returncode == 1, done
    found = json.loads(done.stdout)
    assert found["ok"] is False
    return {key: found[key] for key in ("changed", "missing", "extra") if found[key]}


def test_an_export_as_it_was_written(cxrcat: Run, made: Made) -> None:
    done = cxrcat("verify", made.folder)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("241 files, ")
    assert done.stderr.endswith("ok\n")
    document = json.loads(cxrcat("verify", made.folder, "--json").stdout)
    assert (document["ok"], document["recorded"], document["files"]) == (True, True, 241)


def test_a_changed_byte_in_each_kind_of_file(cxrcat: Run, made: Made) -> None:
    image = f"images/{next((made.folder / 'images').iterdir()).name}"
    for name in sorted({*FILES, image} - {"checksums.xxh128"}):
        path = made.folder / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert found_by(cxrcat, made.folder) == {"changed": [name]}
        path.write_bytes(whole)
    assert cxrcat("verify", made.folder).returncode == 0


def test_any_single_byte_of_any_file(made: Made) -> None:
    random.seed(11)
    files = sorted(path for path in made.folder.rglob("*") if path.is_file())
    papers = [path for path in files if path.suffix != ".png"]
    for _ in range(200):
        path = random.choice([*papers, random.choice(files)])
        whole = path.read_bytes()
        place = random.randrange(len(whole))
        other = bytes([whole[place] ^ random.randrange(1, 256)])
        path.write_bytes(whole[:place] + other + whole[place + 1 :])
        name = path.relative_to(made.folder).as_posix()
        try:
            found = verify(made.folder)
        except CheckFailedError as error:
            assert name == "checksums.xxh128", place
            assert "checksums.xxh128" in str(error)
        else:
            assert not found.ok, (name, place)
            if name != "checksums.xxh128":
                assert found.changed == (name,)
        path.write_bytes(whole)
    assert verify(made.folder).ok


def test_everything_that_is_too_many_or_too_few(cxrcat: Run, made: Made) -> None:
    first, second, third, fourth, *_ = sorted((made.folder / "images").iterdir())
    first.unlink()
    first.symlink_to(second)
    second.unlink()
    os.mkfifo(second)
    third.unlink()
    third.mkdir()
    fourth.unlink()
    (made.folder / "README.md").rename(made.folder / "readme.md")
    (made.folder / "images" / ".hidden").touch()
    (made.folder / "deep" / "er").mkdir(parents=True)
    (made.folder / "deep" / "er" / "file").write_text("mine")
    (made.folder / "link").symlink_to("/etc")
    found = found_by(cxrcat, made.folder)
    assert found["changed"] == [f"images/{first.name}", f"images/{second.name}"]
    missing = ["README.md", f"images/{third.name}", f"images/{fourth.name}"]
    assert found["missing"] == missing
    assert found["extra"] == ["deep/er/file", "images/.hidden", "link", "readme.md"]
    lines = cxrcat("verify", made.folder).stdout.splitlines()
    assert lines == [f"{what}: {path}" for what, paths in found.items() for path in paths]


def test_a_folder_that_became_a_link(cxrcat: Run, made: Made) -> None:
    (made.folder / "citations").rename(made.folder.parent / "citations")
    (made.folder / "citations").symlink_to(made.folder.parent / "citations")
    found = found_by(cxrcat, made.folder)
    assert found["extra"] == ["citations"]
    assert len(found["missing"]) == 4


def test_names_that_would_speak_to_the_terminal(cxrcat: Run, made: Made) -> None:
    for name in (b"a\nok: b", b"\x1b[31mred", b"\xff\xfe"):
        Path(os.fsdecode(os.fsencode(made.folder) + b"/" + name)).touch()
    done = cxrcat("verify", made.folder)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 3
    assert all(line.isprintable() for line in done.stdout.splitlines())


def _swap(lines: list[str]) -> list[str]:
    return [lines[1], lines[0], *lines[2:]]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda lines: [" " + lines[0], *lines[1:]], id="space before"),
        pytest.param(lambda lines: [lines[0] + " ", *lines[1:]], id="space after"),
        pytest.param(lambda lines: [lines[0].replace("  ", " *"), *lines[1:]], id="binary mark"),
        pytest.param(lambda lines: [lines[0].replace("  ", "\t"), *lines[1:]], id="tab"),
        pytest.param(lambda lines: [lines[0].upper(), *lines[1:]], id="upper case"),
        pytest.param(lambda lines: [lines[0] + "\r", *lines[1:]], id="carriage return"),
        pytest.param(lambda lines: ["# a comment", *lines], id="comment"),
        pytest.param(lambda lines: [*lines, ""], id="blank line"),
        pytest.param(lambda lines: [lines[0], *lines], id="line twice"),
        pytest.param(_swap, id="order"),
        pytest.param(lambda lines: lines[1:], id="line removed"),
        pytest.param(lambda _: [], id="nothing left"),
    ],
)
def test_a_changed_list(cxrcat: Run, made: Made, change: Callable[[list[str]], list[str]]) -> None:
    path = made.folder / "checksums.xxh128"
    lines = change(path.read_text().splitlines())
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    done = cxrcat("verify", made.folder)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "checksums.xxh128" in said or "extra: ATTRIBUTION.md" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_list_that_is_no_file(cxrcat: Run, made: Made, kind: str) -> None:
    path = made.folder / "checksums.xxh128"
    path.rename(made.folder.parent / "list")
    if kind == "link":
        path.symlink_to(made.folder.parent / "list")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    check_failure(cxrcat("verify", made.folder), 1, path, "is not a file")


def test_a_list_made_anew_is_not_the_recorded_one(cxrcat: Run, made: Made) -> None:
    image = next((made.folder / "images").iterdir())
    image.unlink()
    path = made.folder / "checksums.xxh128"
    kept = [line for line in path.read_text().splitlines(True) if image.name not in line]
    path.write_text("".join(kept))
    done = cxrcat("verify", made.folder)
    assert done.returncode == 1
    assert done.stdout == "checksums.xxh128 is not the list that the catalog recorded\n"


def test_another_catalog_says_that_it_does_not_know_the_export(
    cxrcat: Run, made: Made, template: Path, tmp_path: Path
) -> None:
    other = shutil.copy(template, tmp_path / "other.sqlite")
    done = cxrcat("--catalog", other, "verify", made.folder)
    assert (done.returncode, done.stdout) == (0, "")
    assert "did not make the export" in done.stderr


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "images/../../secret", "..", "/", "a\\b", "a\tb"]
)
def test_a_list_never_leads_out_of_the_folder(cxrcat: Run, made: Made, path: str) -> None:
    os.mkfifo(made.folder.parent / "secret")  # reading it would never end
    listed = made.folder / "checksums.xxh128"
    listed.write_text("0" * 32 + f"  {path}\n" + listed.read_text())
    check_failure(cxrcat("verify", made.folder), 1, "checksums.xxh128:1", "was changed")
    check_failure(cxrcat("export", "--subset", "hernia", "--force"), 2, "not a whole export")


def test_a_changed_manifest_of_which_the_list_was_mended(cxrcat: Run, made: Made) -> None:
    from cxrcat.catalog.checksums import of_file

    path, listed = made.folder / "provenance.json", made.folder / "checksums.xxh128"
    before = of_file(path).digest
    path.write_text(path.read_text().replace('"images": 227', '"images": 228'))
    listed.write_text(listed.read_text().replace(before, of_file(path).digest))
    done = cxrcat("verify", made.folder)
    assert done.returncode == 1
    assert "not the list that the catalog recorded" in done.stdout


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"format": "cxrcat.provenance/2"}'])
def test_a_manifest_that_is_none_with_its_list_mended(cxrcat: Run, made: Made, text: str) -> None:
    from cxrcat.catalog.checksums import of_file

    path, listed = made.folder / "provenance.json", made.folder / "checksums.xxh128"
    before = of_file(path).digest
    path.write_text(text)
    listed.write_text(listed.read_text().replace(before, of_file(path).digest))
    check_failure(cxrcat("verify", made.folder), 2, path)
    check_failure(cxrcat("cite", made.folder), 2, path)


def test_what_is_no_export(cxrcat: Run, work: Path) -> None:
    (work / "folder").mkdir()
    (work / "file").touch()
    check_failure(cxrcat("verify", "folder"), 2, "is this an export of cxrcat?")
    check_failure(cxrcat("verify", "nowhere"), 2, "no such folder")
    check_failure(cxrcat("verify", "file"), 2, "no such folder")
    check_failure(cxrcat("verify"), 2, "DIR")
    check_failure(cxrcat("verify", "folder", "folder"), 2, "--help")
