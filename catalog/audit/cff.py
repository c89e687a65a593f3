"""Whether a CITATION.cff is one: what the Citation File Format 1.2.0 asks of every file.

The format's guide: https://github.com/citation-file-format/citation-file-format/blob/1.2.0/schema-guide.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...schemas.errors import InputError
from ...schemas.yaml_reader import parse_data

_LARGEST = 1 << 20  # bytes
_VERSIONS = re.compile(r"1\.\d\.\d")
_DOI = re.compile(r"10\.\d{4,9}(\.\d+)?/[A-Za-z0-9:/_;\-.()\[\]\\]+")
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_REQUIRED = ("cff-version", "message", "title", "authors")
_KEYS = frozenset(
    [
        "abstract",
        "authors",
        "cff-version",
        "commit",
        "contact",
        "date-released",
        "doi",
        "identifiers",
        "keywords",
        "license",
        "license-url",
        "message",
        "preferred-citation",
        "references",
        "repository",
        "repository-artifact",
        "repository-code",
        "title",
        "type",
        "url",
        "version",
    ]
)
_OF_REFERENCE = ("type", "title", "authors")
_NAMES = ("family-names", "given-names", "name", "alias")


def problems_of(path: Path) -> list[str]:
    """Return what is wrong with a CITATION.cff, each in a few words; nothing when it is right."""
    try:
        if path.stat().st_size > _LARGEST:
            return [f"has more than {_LARGEST:,} bytes"]
        data = parse_data(path.read_text("utf-8"), path.name)
    except InputError as error:
        return [" ".join(str(error).split())[:200]]
    except (OSError, UnicodeDecodeError) as error:
        return [f"cannot be read: {error}"]
    return list(_problems(data))


def _problems(data: Any) -> Iterator[str]:
    if not isinstance(data, dict):
        yield "is no list of keys and values"
        return
    for key in _REQUIRED:
        if not data.get(key):
            yield f"lacks the key {key!r}"
    for key in data:
        if key not in _KEYS:
            yield f"has the key {str(key)[:40]!r}, which the format does not know"
    version = data.get("cff-version")
    if version is not None and not _VERSIONS.fullmatch(str(version)):
        yield f"cff-version is {str(version)[:20]!r}; the format has 1.2.0"
    if data.get("type") not in (None, "software", "dataset"):
        yield f"type is {str(data['type'])[:20]!r}; the format has software and dataset"
    yield from _authors(data, "")
    yield from _values(data, "")
    preferred = data.get("preferred-citation")
    references = data.get("references")
    if references is not None and not isinstance(references, list):
        yield "references is no list"
        references = None
    named = [("preferred-citation", preferred)] if preferred is not None else []
    named += [(f"references[{number}]", each) for number, each in enumerate(references or ())]
    for where, each in named:
        if not isinstance(each, dict):
            yield f"{where} is no list of keys and values"
            continue
        for key in _OF_REFERENCE:
            if not each.get(key):
                yield f"{where} lacks the key {key!r}"
        yield from _authors(each, f"{where}: ")
        yield from _values(each, f"{where}: ")


def _authors(data: dict[Any, Any], where: str) -> Iterator[str]:
    authors = data.get("authors")
    if authors is None:
        return
    if not isinstance(authors, list):
        yield f"{where}authors is no list"
        return
    for number, author in enumerate(authors):
        if not isinstance(author, dict) or not any(author.get(name) for name in _NAMES):
            yield f"{where}authors[{number}] has no name"


def _values(data: dict[Any, Any], where: str) -> Iterator[str]:
    doi = data.get("doi")
    if doi is not None and not _DOI.fullmatch(str(doi)):
        yield f"{where}doi is {str(doi)[:60]!r}, which is no bare DOI such as 10.1109/CVPR.2017.369"
    date = data.get("date-released")
    if date is not None and not _DATE.fullmatch(str(date)):
        yield f"{where}date-released is {str(date)[:20]!r}; write YYYY-MM-DD"
