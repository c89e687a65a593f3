"""A CITATION.cff is judged as the public validator judges it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cxrcat.catalog.audit.cff import problems_of

GOOD = """\
cff-version: 1.2.0
message: Cite it.
title: A tool
authors:
  - {family-names: Doe, given-names: Jane}
doi: 10.5555/abc
date-released: 2024-02-29
references:
  - type: article
    title: A paper
    authors: [{name: A group}]
"""

BAD = {
    "no authors": (
        GOOD.replace("authors:\n  - {family-names: Doe, given-names: Jane}\n", ""),
        "auth",
    ),
    "no title": (GOOD.replace("title: A tool\n", ""), "'title'"),
    "no message": (GOOD.replace("message: Cite it.\n", ""), "'message'"),
    "no version": (GOOD.replace("cff-version: 1.2.0\n", ""), "'cff-version'"),
    "unknown key": (GOOD + "colour: red\n", "'colour'"),
    "a DOI's address": (GOOD.replace("10.5555/abc", "https://doi.org/10.5555/abc"), "doi is"),
    "an odd date": (GOOD.replace("2024-02-29", "29.2.2024"), "date-released"),
    "authors as text": (
        GOOD.replace("\n  - {family-names: Doe, given-names: Jane}", " Jane"),
        "list",
    ),
    "a reference without a type": (
        GOOD.replace("- type: article\n    title", "- title"),
        "references[0]",
    ),
    "a text": ("just words\n", "no list of keys"),
    "not YAML": ("a: [\n", "CITATION.cff:2: is not YAML"),
    "nothing": ("", "no list of keys"),
    "an odd type": (GOOD + "type: paper\n", "type is"),
}


def test_a_good_one_has_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "CITATION.cff"
    path.write_text(GOOD)
    assert problems_of(path) == []


@pytest.mark.parametrize("name", BAD)
def test_a_bad_one_has_one_that_names_it(tmp_path: Path, name: str) -> None:
    text, words = BAD[name]
    path = tmp_path / "CITATION.cff"
    path.write_text(text)
    problems = problems_of(path)
    assert any(words in problem for problem in problems), problems
    assert all(problem.isprintable() for problem in problems)


def test_the_public_validator_agrees(tmp_path: Path, validator: Callable[..., Path]) -> None:
    command = validator("check-jsonschema")
    for name, text in {"good": GOOD, **{name: text for name, (text, _) in BAD.items()}}.items():
        path = tmp_path / f"{name.replace(' ', '-')}.cff"
        path.write_text(text)
        done = subprocess.run(
            [
                command,
                "--builtin-schema",
                "vendor.citation-file-format",
                "--default-filetype",
                "yaml",
                path,
            ],
            capture_output=True,
            check=False,
        )
        assert (done.returncode == 0) == (problems_of(path) == []), (name, done.stdout)


def test_a_hostile_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "CITATION.cff"
    path.write_text("a: &a [x]\nb: [*a, *a]\n!!python/object/apply:os.system [x]: y\n")
    assert problems_of(path)
    path.write_bytes(b"\xff\xfe\0")
    assert problems_of(path)
    path.write_text("x" * (2 << 20))
    assert problems_of(path) == ["has more than 1,048,576 bytes"]
