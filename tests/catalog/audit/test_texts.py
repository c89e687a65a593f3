"""Files of any kind become lines, and hostile ones do no harm."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrcat.catalog.audit.texts import TextKind, from_bytes, kind_of, read

from ...audit_corpus import score

KINDS = {
    "README": TextKind.PLAIN,
    "readme.MD": TextKind.MARKDOWN,
    "README.zh-CN.md": TextKind.MARKDOWN,
    "LICENSE": TextKind.PLAIN,
    "paper.tex": TextKind.TEX,
    "paper.bbl": TextKind.TEX,
    "refs.bib": TextKind.BIB,
    "CITATION.cff": TextKind.CFF,
    ".zenodo.json": TextKind.RECORD,
    "refs.csl.json": TextKind.RECORD,
    "a.ipynb": TextKind.NOTEBOOK,
    "thesis.docx": TextKind.DOCX,
    "thesis.pdf": TextKind.PDF,
    "index.html": TextKind.HTML,
    "train.py": TextKind.CODE,
    "analysis.R": TextKind.CODE,
    "model.jl": TextKind.CODE,
    "get.sh": TextKind.CODE,
    "Dockerfile": TextKind.CODE,
    "CMakeLists.txt": TextKind.CODE,
    "config.yaml": TextKind.SETTINGS,
    "pyproject.toml": TextKind.SETTINGS,
}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_a_name_tells_the_kind(name: str, kind: TextKind) -> None:
    assert kind_of(name) is kind


@pytest.mark.parametrize(
    "name", ["00000001_000.png", "model.pt", ".gitignore", "x.dcm", "a.zip", "md"]
)
def test_what_has_no_words_has_no_kind(name: str) -> None:
    assert kind_of(name) is None


def test_lines_are_those_of_the_file() -> None:
    made = from_bytes(Path("a.md"), TextKind.MARKDOWN, "\ufeffone\r\n\r\nthree".encode())
    assert made is not None
    assert made.segments == ((1, "one"), (2, ""), (3, "three"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("Zürich".encode("cp1252"), "Zürich"),
        ("Zürich".encode("utf-16"), "Zürich"),
        ("Zürich".encode()[:2], "Z"),  # cut inside a letter
    ],
)
def test_encodings(data: bytes, words: str) -> None:
    made = from_bytes(Path("a.txt"), TextKind.PLAIN, data)
    assert made is not None
    assert made.segments == ((1, words),)


@pytest.mark.parametrize("data", [b"", b"  \n", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
def test_what_says_nothing_is_none(data: bytes) -> None:
    assert from_bytes(Path("a.txt"), TextKind.PLAIN, data) is None


def test_a_long_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("word\n" * 1000)
    made = read(path, TextKind.PLAIN, 100)
    assert made is not None
    assert (len(made.segments), made.whole) == (20, False)


def test_cells_of_a_notebook_stand_on_the_lines_of_its_file(tmp_path: Path) -> None:
    source = ["# Größe\n", 'print("x")']
    content = {"cells": [{"cell_type": "code", "source": source, "outputs": [{"text": "secret"}]}]}
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(content, indent=1))
    made = read(path, TextKind.NOTEBOOK)
    assert made is not None
    lines = path.read_text().splitlines()
    said = [(number, line) for number, line in made.segments if line]
    assert [line for _, line in said] == ["# Größe", 'print("x")']
    assert json.dumps("Größe")[1:-1] in lines[said[0][0] - 1]
    assert "print" in lines[said[1][0] - 1]


def test_notebooks_that_are_none(tmp_path: Path) -> None:
    for content in ("[]", "{}", '{"cells": 3}', '{"cells": [1, {"source": [2]}]}', '{"cells": ['):
        path = tmp_path / "a.ipynb"
        path.write_text(content)
        made = read(path, TextKind.NOTEBOOK)
        assert made is None or made.kind is TextKind.NOTEBOOK


def test_a_docx_shows_paragraphs_notes_and_links(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    score.write_docx(path, ["one", "two"], ["a note"], ["https://example.org/x"])
    made = read(path, TextKind.DOCX)
    assert made is not None
    assert [line for _, line in made.segments] == ["one", "two", "https://example.org/x", "a note"]


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    "<x>&b;</x>"
)


def test_hostile_packed_files_are_none(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.docx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * (64 << 20))
    deep = tmp_path / "deep.docx"
    with zipfile.ZipFile(deep, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<a>" * 5_000_000)
    entities = tmp_path / "entities.docx"
    with zipfile.ZipFile(entities, "w") as archive:
        archive.writestr("word/document.xml", BOMB)
    (tmp_path / "not.docx").write_bytes(b"PK\x03\x04 nothing")
    (tmp_path / "not.pdf").write_bytes(b"%PDF-1.4 nothing")
    for name in (
        "bomb.docx",
        "deep.docx",
        "entities.docx",
        "not.docx",
        "not.pdf",
        "absent.docx",
        "absent.md",
    ):
        kind = kind_of(name)
        assert kind is not None
        assert read(tmp_path / name, kind) is None


def test_a_pdf_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(score.pdf(["first line", "second line"]))
    made = read(path, TextKind.PDF)
    assert made is not None
    assert [line for _, line in made.segments] == ["first line", "second line"]


@given(st.binary(max_size=400), st.sampled_from([k for k in TextKind if not k.is_packed]))
def test_any_bytes_are_read_or_none(data: bytes, kind: TextKind) -> None:
    made = from_bytes(Path("x"), kind, data)
    assert made is None or all(number >= 1 for number, _ in made.segments)
