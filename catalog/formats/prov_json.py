"""PROV-JSON itself: names, values and statements, and a document as text, a record a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from .facts import clean

Record = dict[str, Any]
Document = dict[str, dict[str, Record]]

NAMESPACE = "urn:cxrcat:"
PREFIXES = {"cxrcat": NAMESPACE, "term": f"{NAMESPACE}term:"}
# The two ends of each relation that is written.
_ENDS = {
    "wasGeneratedBy": ("entity", "activity"),
    "used": ("activity", "entity"),
    "wasDerivedFrom": ("generatedEntity", "usedEntity"),
    "specializationOf": ("specificEntity", "generalEntity"),
    "hadMember": ("collection", "entity"),
    "wasAttributedTo": ("entity", "agent"),
    "wasAssociatedWith": ("activity", "agent"),
    "actedOnBehalfOf": ("delegate", "responsible"),
    "wasInfluencedBy": ("influencee", "influencer"),
}


def identifier(*parts: str) -> str:
    """Return a qualified name in cxrcat's namespace, the same for the same parts everywhere."""
    name = "/".join(quote(part, safe="@") for part in parts)
    # PROV-N and Turtle take a dot at the end for the end of a sentence.
    return "cxrcat:" + (f"{name[:-1]}%2E" if name.endswith(".") else name)


def related(relation: str, one: str, other: str) -> Record:
    """Return the record of a relation between two things."""
    first, second = _ENDS[relation]
    return {f"prov:{first}": one, f"prov:{second}": other}


def name(qualified: str) -> Record:
    """Return a value that is a qualified name."""
    return {"$": qualified, "type": "prov:QUALIFIED_NAME"}


def address(text: str) -> Record:
    """Return a value that is an address."""
    return {"$": clean(text), "type": "xsd:anyURI"}


def whole(number: int) -> Record:
    """Return a value that is a whole number of any size up to 64 bits."""
    return {"$": str(number), "type": "xsd:long"}


def lines(
    document: Document, more: Mapping[str, Iterable[tuple[str, Record]]] | None = None
) -> Iterator[str]:
    """Yield the text of a document; `more` has further records of sections, not held in memory."""
    more = more or {}
    yield f'{{\n"prefix": {_compact(PREFIXES)}'
    for section in dict.fromkeys((*document, *more)):
        yield f",\n{_compact(section)}: {{"
        comma = "\n"
        for records in (document.get(section, {}).items(), more.get(section, ())):
            for key, record in records:
                yield f"{comma}  {_compact(key)}: {_compact(record)}"
                comma = ",\n"
        yield "\n}"
    yield "\n}\n"


class Statements:
    """A document that grows. What is said twice of one thing is kept once."""

    def __init__(self) -> None:
        self.document: Document = {"entity": {}, "activity": {}, "agent": {}}
        self._related: set[str] = set()

    def entity(self, key: str, label: str, *types: str, **facts: object) -> str:
        """Declare an entity; `facts` are of the namespace of terms. Return its name."""
        return self._declare("entity", key, label, types, facts)

    def activity(self, key: str, label: str, *types: str, **facts: object) -> str:
        """Declare an activity."""
        return self._declare("activity", key, label, types, facts)

    def agent(self, key: str, label: str, *types: str, **facts: object) -> str:
        """Declare an agent."""
        return self._declare("agent", key, label, types, facts)

    def relate(self, relation: str, one: str, other: str, record: Record | None = None) -> None:
        """Relate two things, with what else is known of that."""
        section = self.document.setdefault(relation, {})
        statement = {**related(relation, one, other), **(record or {})}
        key = f"{relation} {_compact(statement)}"
        if key not in self._related:
            self._related.add(key)
            section[f"_:{relation}{len(section) + 1}"] = statement

    def _declare(
        self, section: str, key: str, label: str, types: Sequence[str], facts: Mapping[str, object]
    ) -> str:
        self.document[section][key] = {
            "prov:label": label,
            "prov:type": [name(each) for each in types],
            **{f"term:{fact}": value for fact, value in facts.items() if value not in (None, [])},
        }
        return key


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
