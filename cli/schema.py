"""``cxrcat schema``: the JSON Schema of provenance.json."""

from __future__ import annotations

from .context import examples, print_json

EPILOG = examples("cxrcat schema > provenance.schema.json")


def schema() -> None:
    """Print the JSON Schema (2020-12) of provenance.json."""
    from ..schemas.manifest import json_schema

    print_json(json_schema())
