"""The terms of a dataset for programs: a policy in ODRL, and terms of the Data Use Ontology.

ODRL 2.2 is at https://www.w3.org/TR/odrl-model/ and https://www.w3.org/TR/odrl-vocab/, DUO at
http://purl.obolibrary.org/obo/duo.owl. Both are written as JSON-LD whose context names the prefix
`odrl`; the rest of the words are schema.org's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...schemas.descriptor import Descriptor
from ...schemas.manifest import OwedDuty, Provenance
from ...schemas.terms import Citation, Duty, DutyKind, Party, Terms
from .facts import clean, doi_url

CONTEXT = {"odrl": "http://www.w3.org/ns/odrl/2/"}
POLICY = "#policy"
DUTY = "odrl:Duty"
_ACTIONS = {
    DutyKind.LINK: "odrl:inform",
    DutyKind.CITATION: "odrl:attribute",
    DutyKind.ACKNOWLEDGEMENT: "odrl:attribute",
}

Node = dict[str, Any]


def usage(manifest: Provenance, target: str) -> list[Node]:
    """Return what schema.org's `usageInfo` says of a slice: DUO's terms, then the policy."""
    dataset = manifest.dataset
    policy = _policy(
        dataset.terms, manifest.duties, manifest.citations, provider(dataset.provider), target
    )
    return [*_terms(dataset.terms), policy]


def usage_of(descriptor: Descriptor) -> list[Node]:
    """Return what `usageInfo` says of a dataset: with what is owed always."""
    duties = [duty for duty in descriptor.duties if duty.id in descriptor.owes]
    owner = provider(descriptor.provider)
    target = descriptor.homepage
    policy = _policy(descriptor.terms, duties, descriptor.citations, owner, target)
    return [*_terms(descriptor.terms), policy]


def action_of(duty: Duty | OwedDuty) -> str:
    """Return what ODRL calls what a duty asks for."""
    return _ACTIONS[duty.kind]


def provider(party: Party) -> Node:
    """Return the provider of the data, who grants the permission."""
    node: Node = {
        "@id": party.ror or "#provider",
        "@type": ["Organization", "odrl:Party"],
        "name": clean(party.name),
    }
    if not party.url:
        return node
    contact = {
        "@id": "#contact",
        "@type": "ContactPoint",
        "name": f"The web pages of {node['name']}",
        "contactType": "data provider",
        "url": party.url,
    }
    return {**node, "url": party.url, "contactPoint": contact}


def flattened(node: Node) -> Iterator[Node]:
    """Yield a node and all that is nested in it, each nested one replaced by a reference to it.

    A list of one is written as the one, as RO-Crate recommends, and an empty one not at all.
    """
    inner: list[Node] = []

    def referred(value: Any) -> Any:
        if isinstance(value, list):
            kept = [referred(each) for each in value]
            return kept[0] if len(kept) == 1 else kept
        if isinstance(value, dict) and len(value) > 1 and "@id" in value:
            inner.append(value)
            return {"@id": value["@id"]}
        return value

    yield {key: referred(value) for key, value in node.items() if value != []}
    for each in inner:
        yield from flattened(each)


def several(value: Any) -> list[Any]:
    """Return the values of a key of JSON-LD, which may be there once, many times or not at all."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _terms(terms: Terms) -> list[Node]:
    return [
        {
            "@id": term.address,
            "@type": "DefinedTerm",
            "name": term.label,
            "termCode": term.code,
            "url": term.address,
        }
        for term in terms.duo
    ]


def _action(word: str) -> Node:
    return {"@id": word, "@type": ["DefinedTerm", "odrl:Action"], "name": word.partition(":")[2]}


def _policy(
    terms: Terms,
    duties: Sequence[Duty | OwedDuty],
    citations: Sequence[Citation],
    assigner: Node,
    target: str,
) -> Node:
    """Return the policy: what is permitted, on which duties.

    Where the terms permit nothing in so many words there is no permission that a duty could hang
    on, so that the duties stand by themselves, as obligations.
    """
    policy: Node = {
        "@id": POLICY,
        "@type": ["CreativeWork", "odrl:Offer" if terms.permits else "odrl:Set"],
        "name": clean(terms.title),
        "description": clean(terms.words),
        "url": terms.url,
        "odrl:assigner": assigner,
    }
    works = {work.id: work for work in citations}
    owed = [_duty(duty, works) for duty in duties]
    if not terms.permits:
        return {**policy, "odrl:target": {"@id": target}, "odrl:obligation": owed}
    permissions = [
        {
            "@id": f"{POLICY}-{action}",
            "@type": ["Intangible", "odrl:Permission"],
            "name": f"The permission to {action} the data",
            "odrl:target": {"@id": target},
            "odrl:assigner": {"@id": assigner["@id"]},
            "odrl:action": _action(f"odrl:{action}"),
            "odrl:duty": owed,
        }
        for action in terms.permits
    ]
    return {**policy, "odrl:permission": permissions}


def _duty(duty: Duty | OwedDuty, works: dict[str, Citation]) -> Node:
    node: Node = {
        "@id": f"{POLICY}-{duty.id}",
        "@type": ["Intangible", DUTY],
        "name": duty.id,
        "description": clean(duty.text),
        "odrl:action": _action(action_of(duty)),
    }
    if duty.party:
        node["odrl:attributedParty"] = clean(duty.party)
    if duty.citation:
        node["url"] = doi_url(works[duty.citation].doi)
    elif duty.url:
        node["url"] = duty.url
    return node
