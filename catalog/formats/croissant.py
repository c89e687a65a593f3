"""croissant.json: the tables and images of an export, and their terms, in Croissant 1.1.

The format is at http://mlcommons.org/croissant/1.1. Its namespaces are those that its own validator
takes. Nothing in it depends on when, where and by whom the export was made, so it is alike in every
export of a subset; its dates are those of the dataset.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...schemas.manifest import FileFact, Provenance
from ...schemas.terms import About, Statement
from . import bibtex
from .contents import media_type, what_is
from .facts import Facts, clean, facts_of
from .odrl import CONTEXT, Node, provider, usage
from .wording import count, links, paragraph, size

PATH = "croissant.json"
SPECIFICATION = "http://mlcommons.org/croissant/1.1"
_TABLE, _BOXES, _FILES = "metadata.csv", "boxes.csv", "image-files"
_SPLIT = "wd:Q3985153"  # by which Croissant knows the field that tells the parts of a split
_DICOM = "application/dicom"

_TEXT, _INTEGER, _FLOAT = "sc:Text", "sc:Integer", "sc:Float"
_COLUMNS = {
    "name": (_TEXT, "The image's file name, as its owner names it."),
    "findings": (_TEXT, "What the dataset's own labels say is present."),
    "patient": (_TEXT, "The patient's number."),
    "follow_up": (_INTEGER, "The number of the follow-up study, from 0."),
    "age": (_INTEGER, "The patient's age in years."),
    "sex": (_TEXT, "The patient's sex, F or M."),
    "view": (_TEXT, "The view position, PA or AP."),
    "width": (_INTEGER, "The width of the original image in pixels."),
    "height": (_INTEGER, "The height of the original image in pixels."),
    "spacing_x": (_FLOAT, "Millimetres a pixel of the original image, across."),
    "spacing_y": (_FLOAT, "Millimetres a pixel of the original image, down."),
    "source": (_TEXT, "The address from which the image can be fetched."),
}
_BROUGHT = {
    "path": (_TEXT, "Where the image is in this folder."),
    "size": (_INTEGER, "The bytes of the image in this folder."),
    "checksum": (_TEXT, "The checksum of the image in this folder."),
}
_PART = {"split": (_TEXT, "The part of the owner's split that the image is in.")}
_DRAWN = {
    "name": (_TEXT, "The image's file name, as in metadata.csv."),
    "finding": (_TEXT, "What the box is around."),
    "x": (_FLOAT, "The left edge in pixels of the released image."),
    "y": (_FLOAT, "The upper edge in pixels of the released image."),
    "width": (_FLOAT, "The width in pixels of the released image."),
    "height": (_FLOAT, "The height in pixels of the released image."),
}
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{
        word: f"cr:{word}"
        for word in (
            "arrayShape",
            "citeAs",
            "column",
            "containedIn",
            "equivalentProperty",
            "extract",
            "field",
            "fileObject",
            "fileProperty",
            "fileSet",
            "format",
            "includes",
            "isArray",
            "isLiveDataset",
            "jsonPath",
            "key",
            "md5",
            "parentField",
            "path",
            "recordSet",
            "references",
            "regex",
            "repeated",
            "replace",
            "samplingRate",
            "separator",
            "source",
            "subField",
            "transform",
        )
    },
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **CONTEXT,
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "wd": "https://www.wikidata.org/wiki/",
}


@dataclass(frozen=True, slots=True)
class CroissantFacts:
    """What a croissant.json says of its works, terms and provider, and of what is owed."""

    works: tuple[Facts, ...]
    licence_url: str
    provider: str
    link: str
    credit: str
    duties: tuple[tuple[str, str], ...]


def write(manifest: Provenance) -> str:
    """Return croissant.json; `manifest.files` must have the tables with their SHA-256."""
    dataset, subset = manifest.dataset, manifest.subset
    owner = provider(dataset.provider)
    tables = {each.path: each for each in manifest.files if each.sha256 is not None}
    files = [_file(tables[path]) for path in (_TABLE, _BOXES) if path in tables]
    records = [_records(manifest)] if _TABLE in tables else []
    if _BOXES in tables:
        references = {"name": {"field": {"@id": "metadata/name"}}}
        records.append(_record_set("boxes", "A record a box.", _fields(_BOXES, _DRAWN, references)))
    if manifest.images.files:
        files.append(_file_set(manifest))
        records.append(_images(manifest))
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": SPECIFICATION,
        "name": f"{clean(subset.name)}-{subset.version}",
        "description": f"{size(manifest)}, cut from {clean(dataset.title)}, release "
        f"{clean(dataset.version)}. {clean(dataset.description or '')}".strip(),
        "version": f"{subset.version}.0.0",
        "datePublished": dataset.released,
        "url": links(manifest)[0],
        "license": dataset.terms.url,
        "creator": owner,
        "publisher": owner,
        "citeAs": bibtex.write(manifest.citations),
        "creditText": paragraph(manifest),
        # Of what its owner grants: mlcroissant cannot read a policy that refers back to this node.
        "usageInfo": usage(manifest, dataset.homepage),
        **_about(dataset.about or About()),
        "distribution": files,
        "recordSet": records,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read(text: str) -> CroissantFacts:
    """Return the facts of what `write` wrote; raise `ValueError` or `KeyError` on other text."""
    document = json.loads(text)
    return CroissantFacts(
        works=tuple(bibtex.read(document["citeAs"])),
        licence_url=document["license"],
        provider=document["creator"]["name"],
        link=document["url"],
        credit=document["creditText"],
        duties=tuple(_duties(document["usageInfo"][-1])),
    )


def expected(manifest: Provenance) -> CroissantFacts:
    """Return what the croissant.json of a manifest must say."""
    return CroissantFacts(
        works=tuple(map(facts_of, manifest.citations)),
        licence_url=manifest.dataset.terms.url,
        provider=clean(manifest.dataset.provider.name),
        link=links(manifest)[0],
        credit=paragraph(manifest),
        duties=tuple((duty.id, clean(duty.text)) for duty in manifest.duties),
    )


def _duties(policy: Node) -> Iterator[tuple[str, str]]:
    rules = policy.get("odrl:permission", [policy])[0]
    for duty in rules.get("odrl:duty") or policy["odrl:obligation"]:
        yield duty["name"], duty["description"]


def _about(about: About) -> dict[str, str | list[str]]:
    """Return what the vocabulary for responsible AI asks, as far as the descriptor answers."""

    def sourced(statements: list[Statement]) -> list[str]:
        return [f"{clean(each.text)} (Source: {clean(each.source)}.)" for each in statements]

    said: dict[str, str | list[str]] = {
        "rai:dataCollection": " ".join(sourced(about.collection)),  # which takes one text
        "rai:dataAnnotationProtocol": sourced(about.annotation),
        "rai:dataLimitations": sourced(about.limitations),
        "rai:dataBiases": sourced(about.biases),
        "rai:personalSensitiveInformation": sourced(about.sensitive),
        "rai:dataUseCases": sourced(about.uses),
    }
    return {key: statements for key, statements in said.items() if statements}


def _file(fact: FileFact) -> Node:
    return {
        "@type": "cr:FileObject",
        "@id": fact.path,
        "name": fact.path,
        "description": what_is(fact.path),
        "contentUrl": fact.path,
        "contentSize": f"{fact.size} B",
        "encodingFormat": media_type(fact.path),
        "sha256": fact.sha256,
    }


def _file_set(manifest: Provenance) -> Node:
    images = manifest.images
    return {
        "@type": "cr:FileSet",
        "@id": _FILES,
        "name": "images",
        "description": f"{count(images.files, 'image file')} of the slice.",
        "encodingFormat": images.media_type or "image/png",
        "includes": "images/*",
    }


def _records(manifest: Provenance) -> Node:
    """Return the record set of metadata.csv: a record an image, whether it is here or not."""
    columns = {
        **_COLUMNS,
        **(_BROUGHT if manifest.images.files else {}),
        **(_PART if any(each.kind == "split" for each in manifest.sets) else {}),
    }
    about = "A record an image: what the metadata says of it."
    return {
        **_record_set("metadata", about, _fields(_TABLE, columns, {})),
        "key": {"@id": "metadata/name"},
    }


def _images(manifest: Provenance) -> Node:
    """Return the record set of the image files: a record a file, with its row of metadata.csv."""
    fields = [
        {
            "@type": "cr:Field",
            "@id": "images/path",
            "name": "path",
            "description": "Where the file is in this folder, as in its row of metadata.csv.",
            "dataType": _TEXT,
            "source": {
                "fileSet": {"@id": _FILES},
                "extract": {"fileProperty": "fullpath"},
                "transform": {"regex": "(.*)"},  # makes text of a path, which would equal none
            },
            "references": {"fileObject": {"@id": _TABLE}, "extract": {"column": "path"}},
        },
    ]
    if manifest.images.media_type != _DICOM:  # which no library that reads Croissant can show
        fields.append(
            {
                "@type": "cr:Field",
                "@id": "images/content",
                "name": "content",
                "description": "The image itself.",
                "dataType": "sc:ImageObject",
                "source": {"fileSet": {"@id": _FILES}, "extract": {"fileProperty": "content"}},
            }
        )
    joined = {name: _COLUMNS[name] for name in ("name", "findings", "patient")}
    fields += _fields(_TABLE, joined, {}, "images")
    return _record_set("images", "A record an image file that is in this folder.", fields)


def _record_set(name: str, about: str, fields: list[Node]) -> Node:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": about,
        "field": fields,
    }


def _fields(
    path: str,
    columns: Mapping[str, tuple[str, str]],
    references: Mapping[str, Node],
    owner: str | None = None,
) -> list[Node]:
    owner = owner or re.sub(r"\.csv$", "", path)
    fields = []
    for column, (kind, about) in columns.items():
        field: Node = {
            "@type": "cr:Field",
            "@id": f"{owner}/{column}",
            "name": column,
            "description": about,
            "dataType": [kind, _SPLIT] if column in _PART else kind,
            "source": {"fileObject": {"@id": path}, "extract": {"column": column}},
        }
        if column == "findings":
            field["isArray"] = True
            field["arrayShape"] = "-1"
            field["source"]["transform"] = {"separator": "|"}
        if column in references:
            field["references"] = references[column]
        fields.append(field)
    return fields
