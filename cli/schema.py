"""``cxrcat schema``: the JSON Schemas of what cxrcat writes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from .context import examples, print_json

EPILOG = examples(
    "cxrcat schema > provenance.schema.json", "cxrcat schema recipe > recipe.schema.json"
)


class Kind(StrEnum):
    """What has a schema."""

    provenance = "provenance"
    recipe = "recipe"


def schema(
    of: Annotated[Kind, typer.Argument(help="What it describes.")] = Kind.provenance,
) -> None:
    """Print the JSON Schema (2020-12) of provenance.json, or of a recipe."""
    from ..schemas import manifest, recipe

    print_json(recipe.json_schema() if of is Kind.recipe else manifest.json_schema())
