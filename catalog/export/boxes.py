"""boxes.csv and boxes.coco.json: the boxes in the images of a slice, for people and trainers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...schemas.descriptor import Descriptor
from ...schemas.manifest import Provenance
from ..boxes import BoxRow
from ..formats.facts import clean, doi_url
from ..formats.wording import acknowledgement_sentences, count, links, references
from ..lineage import BOXES

COCO = "boxes.coco.json"
COLUMNS = ("name", "finding", "x", "y", "width", "height")
"""The columns of boxes.csv."""

_LICENCE = 1


def box_files(
    boxes: Sequence[BoxRow], descriptor: Descriptor, manifest: Provenance
) -> dict[str, bytes]:
    """Return both files by their names; none for a slice without boxes."""
    if not boxes:
        return {}
    return {
        BOXES: _table(boxes, descriptor).encode(),
        COCO: _lines(coco(boxes, descriptor, manifest)).encode(),
    }


def coco(boxes: Sequence[BoxRow], descriptor: Descriptor, manifest: Provenance) -> dict[str, Any]:
    """Return the boxes in COCO's detection format (https://cocodataset.org/#format-data).

    The id of an image is its rank by name in its release, from 1, and thus the same in every slice
    of it; categories are numbered in the order of the vocabulary.
    """
    vocabulary, said = descriptor.vocabulary, {box.finding for box in boxes}
    words = [
        word
        for word in vocabulary.words()
        if word is not vocabulary.no_finding or word.name in said
    ]
    categories = {word.name: place for place, word in enumerate(words, 1)}
    boxed = {box.ordinal: box.name for box in boxes}
    return {
        "info": _info(len(boxes), len(boxed), manifest),
        "licenses": [
            {
                "id": _LICENCE,
                "name": clean(manifest.dataset.terms.title),
                "url": manifest.dataset.terms.url,
            }
        ],
        "categories": [
            {"id": categories[word.name], "name": word.label, "supercategory": "finding"}
            for word in words
        ],
        "images": [
            {
                "id": ordinal + 1,
                "file_name": name,
                "width": descriptor.images.width,
                "height": descriptor.images.height,
                "license": _LICENCE,
            }
            for ordinal, name in boxed.items()
        ],
        "annotations": [
            {
                "id": number,
                "image_id": box.ordinal + 1,
                "category_id": categories[box.finding],
                "bbox": [box.x, box.y, box.width, box.height],
                "area": box.width * box.height,
                "iscrowd": 0,
                "segmentation": [],
            }
            for number, box in enumerate(boxes, 1)
        ],
    }


def _info(boxes: int, images: int, manifest: Provenance) -> dict[str, str]:
    dataset, subset = manifest.dataset, manifest.subset
    owed = {
        "citation": [f"{references(work)[0]} {doi_url(work.doi)}" for work in manifest.citations],
        "acknowledgement": acknowledgement_sentences(manifest),
    }
    return {
        "description": (
            f"{boxes:,} {'box' if boxes == 1 else 'boxes'} on {images:,} of the "
            f"{count(subset.images, 'image')} of the subset {subset.name}@{subset.version} of "
            f"{clean(dataset.title)}, release {dataset.version}. An image of the slice that is not "
            "in this file has no box, which does not mean that it has no finding."
        ),
        "version": dataset.version,
        "contributor": clean(dataset.provider.name),
        "url": links(manifest)[0],
        **{key: " ".join(sentences) for key, sentences in owed.items() if sentences},
    }


def _table(boxes: Sequence[BoxRow], descriptor: Descriptor) -> str:
    labels = {word.name: word.label for word in descriptor.vocabulary.words()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(
        (box.name, labels[box.finding], box.x, box.y, box.width, box.height) for box in boxes
    )
    return text.getvalue()


def _lines(document: Mapping[str, Any]) -> str:
    """Return JSON with a line an entry, which can be read and compared."""
    parts = []
    for key, value in document.items():
        if isinstance(value, list):
            entries = ",\n".join(json.dumps(each, ensure_ascii=False) for each in value)
            text = f"[\n{entries}\n]"
        else:
            text = json.dumps(value, ensure_ascii=False, indent=1)
        parts.append(f"{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
