"""What the tables of an export are: media types, and what their columns hold."""

from __future__ import annotations

from ...schemas.manifest import Provenance

TABLES = {
    "metadata.csv": "text/csv",
    "boxes.csv": "text/csv",
    "boxes.coco.json": "application/json",
}


def media_types(manifest: Provenance) -> list[str]:
    """Return the media types of the export's tables and images, each once."""
    there = [TABLES[fact.path] for fact in manifest.files if fact.path in TABLES]
    images = [manifest.images.media_type or "image/png"] if manifest.images.files else []
    return sorted({*there, *images})
