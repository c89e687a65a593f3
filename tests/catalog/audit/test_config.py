"""What a project says of its audits is read as hostile, and refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrcat.catalog.audit.config import read_config
from cxrcat.catalog.audit.model import Severity
from cxrcat.schemas.errors import InputError

DEEP = "a = " + "[" * 100_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[audit", "is not TOML: "),
        ("\udcff", "is not TOML: 'utf-8'"),
        (DEEP, "is not TOML: nested too deeply"),
        ("audit = 5", "audit: is no table"),
        ("[audit]\nexclude = 'x'", "audit.exclude: Input should be a valid list"),
        ("[audit.rules]\nmissing-link = 'of'", "audit.rules.missing-link: Input should be"),
        ("[audit.rules]\nmissing-lin = 'off'", "did you mean missing-link"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "cxrcat.toml").write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(InputError, match=r"cxrcat\.toml: ") as caught:
        read_config(tmp_path)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["[tool", "\udcff", DEEP, "tool = 5", "[tool]\ncxrcat = 5", ""])
def test_a_build_file_that_is_none_is_not_ours_to_judge(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text, "utf-8", "surrogateescape")
    assert read_config(tmp_path).severities == {}


def test_either_file_says_it(tmp_path: Path) -> None:
    table = "exclude = ['vendor/']\n[%s.rules]\nmissing-link = 'off'\ninvalid-cff = 'error'\n"
    (tmp_path / "pyproject.toml").write_text("[tool.cxrcat.audit]\n" + table % "tool.cxrcat.audit")
    first = read_config(tmp_path)
    assert first.severities == {"missing-link": None, "invalid-cff": Severity.ERROR}
    assert first.excludes("vendor/a.md")
    assert not first.excludes("vendors/a.md")
    (tmp_path / "cxrcat.toml").write_text("[audit]\n")
    assert read_config(tmp_path).severities == {}
