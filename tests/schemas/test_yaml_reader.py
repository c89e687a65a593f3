"""A YAML file that is wrong is named with its line and key, whatever is wrong with it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from cxrcat.schemas import yaml_reader
from cxrcat.schemas.errors import InputError
from cxrcat.schemas.yaml_reader import LARGEST, parse_model, read_model


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    size: int = 0


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    parts: list[Part] = []
    more: dict[str, Part] = {}


GOOD = """\
title: Thing
parts:
  - name: one
    size: 1
  - {name: two, size: 2}
more:
  a b: {name: three}
"""


@pytest.fixture(params=["C", "Python"], autouse=True)
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Try the parser in C and the one that some builds of PyYAML have alone."""
    if request.param == "Python":
        monkeypatch.setattr(yaml_reader, "_Loader", yaml.SafeLoader)
    else:
        assert yaml_reader._Loader is yaml.CSafeLoader


def refusal(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse_model(text, Whole, "thing.yaml")
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 500
    return line


def test_a_good_file_is_read() -> None:
    found = parse_model(GOOD, Whole, "thing.yaml")
    assert [part.size for part in found.parts] == [1, 2]
    assert found.more["a b"].name == "three"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: Thing\n", "", "thing.yaml:1: title: Field required"),
        ("title: Thing", "title: 5", "thing.yaml:1: title: Input should be a valid string"),
        ("size: 1", "size: x", "thing.yaml:4: parts.0.size: Input should be a valid integer"),
        ("size: 1", "sise: 1", "thing.yaml:4: parts.0.sise: Extra inputs are not permitted"),
        ("name: two, ", "", "thing.yaml:5: parts.1.name: Field required"),
        ("size: 2", "size: two", "thing.yaml:5: parts.1.size: Input should be a valid integer"),
        ("name: three", "nam: x", "thing.yaml:7: more.a b.name: Field required (and 1 more)"),
        ("title: Thing", "title: Thing\nother: 1", "thing.yaml:2: other: Extra inputs are not"),
        ("    size: 1", "    size: 1\n    name: x", "thing.yaml:5: the key 'name' is there twice"),
        ("title: Thing", "title: Thing\ntitle: x", "thing.yaml:2: the key 'title' is there twice"),
        ("name: two,", "name: two, 'name': x,", "thing.yaml:5: the key 'name' is there twice"),
        ("more:\n", "more:\n  a b: {name: x}\n", "thing.yaml:8: the key 'a b' is there twice"),
        ("name: one", "name: &one one", "thing.yaml:1"),
        ("size: 2", "size: *two", "thing.yaml:5: aliases are not allowed; write it out"),
        ("size: 1", "size: !!python/object/apply:os.system [true]", "thing.yaml:4: is not YAML"),
        ("size: 1", "size: !!python/name:os.system", "thing.yaml:4: is not YAML: could not determ"),
        ("size: 1", "size: !!timestamp x", "thing.yaml: is not YAML: a value is not what its tag"),
        ("size: 1", "size: !!int ''", "thing.yaml: is not YAML: a value is not what its tag"),
        ("size: 1", "size: !!bool x", "thing.yaml: is not YAML: a value is not what its tag"),
        ("size: 1", "size: !thing 1", "thing.yaml:4: is not YAML: could not determine a constr"),
        ("title: Thing", "? [a, b]\n: c\ntitle: x", "thing.yaml:1: is not YAML: found unhashable"),
        ("title: Thing", "? {a: b}\n: c\ntitle: x", "thing.yaml:1: is not YAML: found unhashable"),
        ("size: 1", "size: [1", "thing.yaml:"),
        ("title: Thing", "title: 'Thing", "thing.yaml:"),
        ("title: Thing", "title: Thing\n\tx: 1", "thing.yaml:"),
        ("title: Thing", "%YAML 9.9\n---\ntitle: Thing", "thing.yaml:1: is not YAML: found incomp"),
        ("more:", "---\nmore:", "thing.yaml:6: is not YAML: but found another document"),
        ("title: Thing", "title: a\x07b", "thing.yaml"),
        ("title: Thing", "title: 2026-99-99", "thing.yaml: is not YAML: month must be in 1..12"),
        ("size: 1", "size: " + "9" * 5000, "thing.yaml"),
        ("size: 1", "size: .nan", "thing.yaml:4: parts.0.size: Input should be a"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_key(old: str, new: str, message: str) -> None:
    assert GOOD.count(old) == 1
    if "&one" in new:  # an anchor that nothing refers to does no harm
        parse_model(GOOD.replace(old, new), Whole, "thing.yaml")
        return
    assert message in refusal(GOOD.replace(old, new))


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "[]", "5", "just words", "- a\n- b"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    assert refusal(text).startswith("thing.yaml:1: the whole file: Input should be")


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    lines = [f"a{place}: &a{place} [{f'*a{place - 1}, ' * 9}]\n" for place in range(1, 12)]
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(lines)
    assert "thing.yaml:2: aliases are not allowed" in refusal(bomb)
    assert "thing.yaml:2: aliases are not" in refusal("base: &b {title: x}\n<<: *b\n")


@pytest.mark.parametrize("open_and_close", ["[]", "{}"])
@pytest.mark.parametrize("depth", [64, 3_000, 100_000])
def test_deep_nesting_is_refused(open_and_close: str, depth: int) -> None:
    opening, closing = open_and_close
    line = refusal(f"title: {opening * depth}{closing * depth}")
    ours, parsers = "nested too deeply", "is not YAML: exceeded maximum nesting"
    assert line.startswith((f"thing.yaml:1: {ours}", f"thing.yaml:1: {parsers}"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "thing.yaml"
    for place, reason in ((path, "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InputError, match=f"cannot be read: {reason}") as caught:
            read_model(place, Whole)
        assert str(caught.value).startswith(str(place))
    path.write_bytes(b"title: caf\xe9\n")
    with pytest.raises(InputError, match=r"is not UTF-8 text \(byte 10\)"):
        read_model(path, Whole)
    path.write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_model(path, Whole)
    path.write_bytes(b"#" * (LARGEST + 1))
    with pytest.raises(InputError, match="larger than 4 MiB, so not a descriptor"):
        read_model(path, Whole)
    path.write_text(GOOD, "utf-8")
    assert read_model(path, Whole).title == "Thing"


TOKENS = [
    "title",
    ":",
    " ",
    "\n",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "&a",
    "*a",
    "!!str",
    "? ",
    "|",
    ">",
]
TOKENS += [
    "'",
    '"',
    "#",
    "%",
    "---",
    "...",
    "<<",
    "~",
    "x",
    "1",
    "\t",
    "\\",
    "\0",
    "\ufeff",
    "é",
    "@",
]


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(TOKENS), max_size=30).map("".join),
        st.builds(
            lambda place, junk: GOOD[:place] + junk + GOOD[place:],
            st.integers(0, len(GOOD)),
            st.text(max_size=4),
        ),
    )
)
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InputError):
        parse_model(text, Whole, "thing.yaml")
