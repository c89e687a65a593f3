"""The manifest of an export: written and read the same, published as a schema, safe to read."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrcat.catalog import Catalog
from cxrcat.schemas import manifest
from cxrcat.schemas.errors import InputError
from cxrcat.schemas.manifest import FileFact, Provenance

SUM = "xxh128:" + "0" * 32
SCHEMA = jsonschema.Draft202012Validator(manifest.json_schema())
PUBLISHED = Path(manifest.__file__).parent / "provenance.schema.json"


@pytest.fixture(scope="module")
def written(template: Path) -> str:
    """The text of a manifest with all that it can hold."""
    with Catalog.open(template) as catalog:
        made = catalog.manifest("mass")
    return made.model_copy(
        update={
            "export": made.export.model_copy(update={"by": "Ünï ☃", "project": "screening"}),
            "subset": made.subset.model_copy(update={"note": 'a "note"\nof two lines'}),
            "files": [FileFact(path="citations/references.bib", size=1, checksum=SUM)],
        }
    ).to_json()


def changed(text: str, *place: str | int, value: Any) -> str:
    """Return a manifest's text with one value changed; `...` removes it."""
    data = json.loads(text)
    part = data
    for key in place[:-1]:
        part = part[key]
    if value is ...:
        del part[place[-1]]
    else:
        part[place[-1]] = value
    return json.dumps(data)


def refusal(text: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        Provenance.from_json(text, "x/provenance.json")
    line = str(caught.value)
    assert line.startswith("x/provenance.json: not a manifest that this cxrcat reads: ")
    assert line.isprintable()
    return line.removeprefix("x/provenance.json: not a manifest that this cxrcat reads: ")


def test_the_published_schema_is_current_and_a_schema() -> None:
    published = json.loads(PUBLISHED.read_text("utf-8"))
    assert published == manifest.json_schema()
    jsonschema.Draft202012Validator.check_schema(published)
    assert published["$id"] == manifest.SCHEMA_ID


def test_a_manifest_is_read_as_it_was_written(written: str) -> None:
    found = Provenance.from_json(written, "x")
    assert found.to_json() == written
    assert Provenance.from_json(written.encode(), "x") == found
    assert Provenance.from_json(found.to_json(), "x") == found
    assert found.export.project == "screening"
    assert written.endswith("}\n")
    assert "null" not in written
    assert list(json.loads(written))[:2] == ["$schema", "format"]
    SCHEMA.validate(json.loads(written))


HOSTILE = [
    *("", "/etc/passwd", "//x", "..", "../x", "a/../x", "a/..", "a/../../x", "\\x", "a\\b"),
    *("C:\\x", "a\nb", "a\0b", "\x1b[2J", "a\u202eb", "x" * 1025),
]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_path_that_leads_elsewhere_is_refused(written: str, path: str) -> None:
    assert refusal(changed(written, "files", 0, "path", value=path)).startswith("files.0.path: ")


@pytest.mark.parametrize("path", ["a", "a/b", "a..b", "...", "ü/☃.txt", "a b", ".hidden"])
def test_a_path_inside_is_taken(written: str, path: str) -> None:
    text = changed(written, "files", 0, "path", value=path)
    assert Provenance.from_json(text, "x").files[0].path == path


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["format"], "cxrcat.provenance/2", "format: Input should be 'cxrcat.provenance/1'"),
        (["$schema"], "x", "$schema: Input should be"),
        (["more"], 1, "more: Extra inputs are not permitted"),
        (["subset", "more"], 1, "subset.more: Extra inputs are not permitted"),
        (["export"], ..., "export: Field required"),
        (["export", "at"], "2026-01-01T00:00:00", "export.at: Input should have timezone info"),
        (["export", "at"], "yesterday", "export.at: Input should be a valid datetime"),
        (["subset", "version"], 0, "subset.version: Input should be greater than or equal to 1"),
        (["subset", "images"], -1, "subset.images: Input should be greater than or equal to 0"),
        (["subset", "images"], "many", "subset.images: Input should be a valid integer"),
        (["subset", "digest"], "xxh128:0", "subset.digest: String should match pattern"),
        (["subset", "digest"], SUM.upper(), "subset.digest: String should match pattern"),
        (["subset", "digest"], SUM + "\n", "subset.digest: String should match pattern"),
        (["subset", "reads", 0, "kind"], "x", "subset.reads.0.kind: Input should be 'labels'"),
        (["duties"], [], "duties: List should have at least 1 item"),
        (["duties", 0, "kind"], "praise", "duties.0.kind: Input should be 'link'"),
        (["duties", 0, "url"], "javascript:x", "duties.0.url: String should match pattern"),
        (["dataset", "homepage"], "http://x", "dataset.homepage: String should match pattern"),
        (["citations", 0, "DOI"], "x", "citations.0.DOI: String should match pattern"),
        (
            ["images", "mode"],
            "move",
            "images.mode: Input should be 'none', 'copy', 'hardlink' or 'rewrite'",
        ),
        (["files", 0, "checksum"], "md5:0", "files.0.checksum: String should match pattern"),
        (["tool", "name"], "other", "tool.name: Input should be 'cxrcat'"),
    ],
)
def test_what_does_not_fit_is_named_with_its_key(
    written: str, place: list[str | int], value: Any, message: str
) -> None:
    text = changed(written, *place, value=value)
    assert refusal(text).startswith(message)
    if message.startswith("export.at") or value == SUM + "\n":
        return  # which JSON Schema cannot say, or says of a pattern in every line
    assert not SCHEMA.is_valid(json.loads(text))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "5", b"\xff\xfe", b"\x00", "[" * 100_000, '{"a": ' * 100_000, "{}"],
    ids=lambda text: repr(text)[:12],
)
def test_what_is_no_manifest_at_all(text: str | bytes) -> None:
    assert refusal(text)


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 12_000), junk=st.text(max_size=6), cut=st.integers(0, 30))
def test_a_damaged_manifest_is_refused_or_read(
    written: str, place: int, junk: str, cut: int
) -> None:
    text = written[:place] + junk + written[place + cut :]
    with suppress(InputError):
        Provenance.from_json(text.encode("utf-8", "surrogatepass"), "x")
