"""Datasets that are described wrongly: the file, the line and the key, and a catalog as before."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ..checks import check_failure
from ..conftest import Run
from .conftest import TINY_ROWS, WITH_SOURCE

Write = Callable[..., Path]
Refused = Callable[..., None]


@pytest.fixture
def check_refused(cxrcat: Run, sqlite_location: str) -> Refused:
    """Return what asserts that a dataset is refused and that the catalog is as it was."""

    def state() -> list[int]:
        with closing(sqlite3.connect(sqlite_location)) as database:
            return [
                database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
                for table in ("dataset", "image", "finding", "subset", "event")
            ]

    def check(path: Path, *words: object) -> None:
        before = state()
        check_failure(cxrcat("dataset", "add", path), 2, *words)
        assert state() == before

    return check


def line_of(text: str) -> int:
    """Return the line of the descriptor that begins with a text."""
    lines = WITH_SOURCE.splitlines()
    return 1 + next(n for n, line in enumerate(lines) if line.strip().startswith(text))


@pytest.mark.parametrize(
    ("find", "replace", "line", "key"),
    [
        ("  licence: CC", "  license: CC", line_of("terms:"), "terms.licence"),
        ("revision: 1", "revision: 1\nsurprise: 2", line_of("revision") + 1, "surprise"),
        ("revision: 1", "revision: zero", line_of("revision"), "revision"),
        ("kind: link", "kind: lnik", line_of("kind: link"), "duties.0.kind"),
        ("slug: tiny", "slug: Tiny Set", line_of("slug: tiny"), "slug"),
        ("DOI: 10.1000/tiny.1", "DOI: tiny", line_of("DOI"), "citations.0.DOI"),
        ("homepage: https:", "homepage: http:", line_of("homepage"), "homepage"),
        ("owes: [tiny-link", "owes: [tiny-lnik", 1, "'tiny-lnik' is referred to"),
        ("default_version: v1", "default_version: v2", 1, "'v2' is referred to"),
        ("slug: tiny", "slug: tiny\nslug: two", line_of("slug: tiny") + 1, "'slug' is there twice"),
        ("slug: tiny", "slug: &a tiny\nx: *a", line_of("slug: tiny") + 1, "aliases"),
        ("slug: tiny", "slug: [", line_of("title:") + 1, "is not YAML"),
        ("slug: tiny", "slug: tiny\n\tx: 1", line_of("slug: tiny") + 1, "is not YAML"),
        ("revision: 1", "revision: !!python/name:os.system", line_of("revision"), "is not YAML"),
        ("file: rows.csv", "file: ../rows.csv", line_of("file: rows"), "table.file"),
        ('uri: "gs://shelf/{name}', 'uri: "gs://shelf/{nam}', None, "{nam}"),
    ],
)
def test_a_wrong_descriptor(
    check_refused: Refused,
    write_dataset: Write,
    find: str,
    replace: str,
    line: int | None,
    key: str,
) -> None:
    assert WITH_SOURCE.count(find) == 1
    path = write_dataset(WITH_SOURCE.replace(find, replace))
    check_refused(path, f"{path}:{line}:" if line else f"{path}:", key)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the whole file"),
        (b"just text", "the whole file"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"a: \xe4", "is not UTF-8 text (byte 3)"),
        (b"\x00", "is not YAML"),
        (b"[" * 5_000, "dataset.yaml:1"),
        (b"a: 2024-13-45", "is not YAML"),
        (b"a: 1\n---\nb: 2", "is not YAML"),
        (b"#" * (5 << 20), "larger than 4 MiB"),
        (b"? [a, b]\n: c", ""),
    ],
)
def test_a_file_that_is_no_descriptor(
    check_refused: Refused, tmp_path: Path, data: bytes, words: str
) -> None:
    path = tmp_path / "dataset.yaml"
    path.write_bytes(data)
    check_refused(path, f"{path}:", words)


def test_files_that_are_not_there(
    check_refused: Refused, tmp_path: Path, write_dataset: Write
) -> None:
    check_refused(tmp_path / "none.yaml", "none.yaml: cannot be read")
    check_refused(tmp_path, "cannot be read")
    path = write_dataset()
    (path.parent / "rows.csv").unlink()
    check_refused(path, path.parent / "rows.csv", "cannot be read")


def test_a_table_that_is_another_one(check_refused: Refused, write_dataset: Write) -> None:
    checksum = f"file: rows.csv\n      checksum: xxh128:{'0' * 32}"
    path = write_dataset(WITH_SOURCE.replace("file: rows.csv", checksum))
    check_refused(path, "rows.csv", "the descriptor expects", "0" * 32)
    counted = WITH_SOURCE.replace('released: "2020"', 'released: "2020"\n    images: 4')
    check_refused(write_dataset(counted), "has 3 images, the descriptor states 4")


@pytest.mark.parametrize(
    ("find", "replace", "line", "words"),
    [
        ("image,", "picture,", 1, "'image' is missing"),
        ("a_0.png,Mass", "a_0.png,Mas", 3, "did you mean"),
        ("Nodule|Mass", "Nodule|No Finding", 2, "both a finding and none"),
        ("a_1.png", "a_0.png", 4, "a_0.png is there already, in line 3"),
        ("058Y", "old", 2, "age is 'old'"),
        ("058Y", "-1", 2, "age is '-1'"),
        ("a_0.png,Mass,1,33,M", "a_0.png,Mass,1,33", 3, "has 4 cells, expected 5"),
        ("a_0.png,Mass,1,33,M", "a_0.png,Mass,1,33,M,X", 3, "has 6 cells, expected 5"),
        ("a_0.png,Mass,1,33,M\n", "\n", 3, "has 0 cells, expected 5"),
        (",33,M", ",33,X", 3, "sex is 'X'"),
        ("Mass,1,33", "Mass,one,33", 3, "patient is 'one'"),
        ("a_0.png", "../a_0.png", 3, "is not an image's file name"),
        ("a_0.png", "", 3, "is not an image's file name"),
        ("a_0.png,Mass", '"a_0.png,Mass', None, "rows.csv"),
    ],
)
def test_a_wrong_table(
    check_refused: Refused,
    write_dataset: Write,
    find: str,
    replace: str,
    line: int | None,
    words: str,
) -> None:
    assert find in TINY_ROWS
    path = write_dataset(rows=TINY_ROWS.replace(find, replace, 1))
    check_refused(path, f"rows.csv:{line}" if line else "rows.csv", words)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "there is no header"),
        (b"\n", "there is no header"),
        (TINY_ROWS.splitlines()[0].encode(), "there is no image"),
        (TINY_ROWS.encode().replace(b"Mass", b"\xff"), "is not UTF-8 text"),
        (gzip.compress(TINY_ROWS.encode(), mtime=0)[:-10], "cut off"),
        (b"\x1f\x8b" + TINY_ROWS.encode(), "cannot be read"),
        (
            gzip.compress(TINY_ROWS.encode() * 99, mtime=0).replace(
                b"\x00\x03", b"\x00\x03\xff\xff", 1
            ),
            "",
        ),
        (TINY_ROWS.encode() + b"x" * 200_000, "field larger"),
        (TINY_ROWS.encode().replace(b",", b";"), "rows.csv:1: semicolons stand between the cells"),
        (TINY_ROWS.encode().replace(b",", b"\t"), "rows.csv:1: tabs stand between the cells"),
    ],
)
def test_a_file_that_is_no_table(
    check_refused: Refused, write_dataset: Write, data: bytes, words: str
) -> None:
    check_refused(write_dataset(rows=data), "rows.csv", words)


def test_a_dataset_is_added_once(cxrcat: Run, check_refused: Refused, added: Path) -> None:
    done = cxrcat("dataset", "add", added)
    assert (done.returncode, done.stdout) == (0, "tiny@v1\n"), done.stderr
    again = cxrcat("dataset", "add", added)
    assert (again.returncode, again.stdout) == (0, "tiny@v1\n"), again.stderr
    rows = added.parent / "rows.csv"
    rows.write_text(rows.read_text().replace("58", "59"))
    check_refused(added, "tiny@v1 is in the catalog already, from another table")
    found = json.loads(cxrcat("datasets", "--json").stdout)
    here = [each for each in found if each["here"]]
    assert [(each["slug"], each["images"], each["patients"]) for each in here] == [
        ("nih-chest-xray", 112_120, 30_805),
        ("tiny", 3, 2),
    ]
    names = {each["name"] for each in json.loads(cxrcat("subset", "list", "--json").stdout)}
    assert "nodule" in names
    found = json.loads(cxrcat("subset", "list", "--dataset", "tiny", "--json").stdout)
    assert {each["name"]: each["images"] for each in found} == {
        "mass": 2,
        "nodule": 1,
        "no-finding": 1,
    }
