"""The provenance in each of the forms of W3C PROV: PROV-JSON, PROV-N and Turtle (PROV-O)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import assert_never

from ...schemas.errors import UsageError
from ...schemas.manifest import Provenance
from .prov import document
from .prov_images import SECTIONS, Statement, check_table, statements
from .prov_json import NAMESPACE, Document, Record, lines

_END = "endDocument"


class ProvForm(StrEnum):
    """A form of W3C PROV."""

    JSON = "json"
    PROVN = "provn"
    TURTLE = "turtle"


def provenance(
    manifest: Provenance, form: ProvForm, *, exported: bool = True, table: Path | None = None
) -> Iterator[str]:
    """Yield the provenance of an export in a form, piece by piece.

    Without `exported` it is that of the subset alone. With `table`, the export's metadata.csv, it
    tells of each image, however many they are. Raises `UsageError` when the packages of a form are
    not installed, `InputError` when the lineage or the table cannot be, and `CheckFailedError`
    when the table is not that of the export.
    """
    made = document(manifest, exported=exported)
    if table is not None:
        check_table(manifest, table)
    match form:
        case ProvForm.JSON:
            yield from lines(made, _sections(manifest, table) if table else None)
        case ProvForm.PROVN:
            text = _converted(made, form)
            body, end, _ = text.rpartition(_END)
            yield body
            for each in statements(manifest, table) if table else ():
                yield f"  {_provn(each)}\n"
            yield f"{end}\n"
        case ProvForm.TURTLE:
            yield _converted(made, form).rstrip("\n") + "\n"
            for each in statements(manifest, table) if table else ():
                yield f"{_turtle(each)}\n"
        case _:
            assert_never(form)


def _sections(manifest: Provenance, table: Path) -> dict[str, Iterator[tuple[str, Record]]]:
    """Return the statements by section, which takes a pass through the table for each."""

    def of(section: str) -> Iterator[tuple[str, Record]]:
        for each in statements(manifest, table):
            if each.section == section:
                yield each.key, each.record

    return {section: of(section) for section in SECTIONS}


def _converted(made: Document, form: ProvForm) -> str:
    try:
        import rdflib  # noqa: F401 - which prov wants for Turtle
        from prov.model import ProvDocument
    except ImportError as error:
        raise UsageError(
            f"PROV as {form} needs more packages: pip install 'cxrcat[prov]'"
        ) from error
    text = "".join(lines(made))
    read = ProvDocument.deserialize(content=text, format="json")
    if form is ProvForm.PROVN:
        return str(read.get_provn())
    return str(read.serialize(format="rdf", rdf_format="turtle"))


def _provn(statement: Statement) -> str:
    if statement.section == "entity":
        facts = ", ".join(f"{key}={_value(value)}" for key, value in statement.record.items())
        return f"entity({statement.key}, [{facts}])"
    one, other = statement.record.values()
    places = ", -, -, -" if statement.section == "wasDerivedFrom" else ""
    return f"{statement.section}({one}, {other}{places})"


def _value(value: str | Record) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"{json.dumps(value['$'], ensure_ascii=False)} %% {value['type']}"


def _turtle(statement: Statement) -> str:
    if statement.section == "entity":
        names = {"prov:label": "rdfs:label", "prov:location": "prov:atLocation"}
        facts = "".join(
            f" ; {names.get(key, key)} {_value(value).replace(' %% ', '^^')}"
            for key, value in statement.record.items()
        )
        return f"{_iri(statement.key)} a prov:Entity{facts} ."
    one, other = statement.record.values()
    return f"{_iri(one)} prov:{statement.section} {_iri(other)} ."


def _iri(name: str) -> str:
    return f"<{NAMESPACE}{name.partition(':')[2]}>"
