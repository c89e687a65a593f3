"""ro-crate-metadata.json: the folder and its making, as a Process Run Crate.

RO-Crate 1.1 (https://w3id.org/ro/crate/1.1), since the profile for runs, Process Run Crate 0.5
(https://w3id.org/ro/wfrun/process/0.5), builds on that and wants it declared, where 1.2 wants
itself declared alone. All that 1.2 requires besides is met as well. The crate says when and by
whom, so it differs from export to export. The images are not listed one by one: metadata.csv does
that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import xxhash

from ...schemas.manifest import FileFact, Provenance, SetFacts, VersionFacts
from ...schemas.terms import Citation
from .contents import media_type, what_is
from .facts import Facts, clean, doi_url, facts_of
from .odrl import CONTEXT, DUTY, Node, flattened, provider, several, usage
from .wording import count, links, paragraph, size

PATH = "ro-crate-metadata.json"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_ROOT, _ACTION, _AGENT, _DATASET = "./", "#export", "#agent", "#dataset"
_XXH128 = "https://xxhash.com/#XXH3-128"
_MANIFEST = "provenance.json"


@dataclass(frozen=True, slots=True)
class CrateFacts:
    """What a crate says of its works, terms and provider, and of what is owed."""

    works: tuple[Facts, ...]
    licence_url: str
    provider: str
    links: tuple[str, ...]
    credit: str
    duties: tuple[tuple[str, str], ...]


def write(manifest: Provenance) -> str:
    """Return ro-crate-metadata.json for a finished manifest."""
    nodes: dict[str, Node] = {}
    for node in _nodes(manifest):
        nodes.setdefault(node["@id"], node)
    context = [
        f"{SPECIFICATION}/context",
        {**CONTEXT, "Profile": "http://www.w3.org/ns/dx/prof/Profile", "xxh128": _XXH128},
    ]
    document = {"@context": context, "@graph": list(nodes.values())}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read(text: str) -> CrateFacts:
    """Return the facts of what `write` wrote; raise `ValueError` or `KeyError` on other text."""
    nodes = {node["@id"]: node for node in json.loads(text)["@graph"]}
    root = nodes[_ROOT]
    works = [nodes[each["@id"]] for each in several(root.get("citation"))]
    duties = [node for node in nodes.values() if DUTY in several(node["@type"])]
    return CrateFacts(
        works=tuple(_facts(work, nodes) for work in works),
        licence_url=root["license"]["@id"],
        provider=nodes[root["provider"]["@id"]]["name"],
        links=tuple(several(nodes[_DATASET]["url"])),
        credit=root["creditText"],
        duties=tuple((duty["name"], duty["description"]) for duty in duties),
    )


def expected(manifest: Provenance) -> CrateFacts:
    """Return what the crate of a manifest must say."""
    dataset = manifest.dataset
    return CrateFacts(
        works=tuple(map(facts_of, manifest.citations)),
        licence_url=dataset.terms.url,
        provider=clean(dataset.provider.name),
        links=tuple(dict.fromkeys((*links(manifest), dataset.homepage))),
        credit=paragraph(manifest),
        duties=tuple((duty.id, clean(duty.text)) for duty in manifest.duties),
    )


def _facts(work: Node, nodes: dict[str, Node]) -> Facts:
    people = [nodes[each["@id"]] for each in several(work["creator"])]
    return Facts(
        title=work["name"],
        authors=tuple((each["familyName"], each["givenName"]) for each in people),
        year=int(work["datePublished"]),
        pages=work.get("pagination"),
        doi=work["identifier"],
    )


def _nodes(manifest: Provenance) -> Iterator[Node]:
    files = [_file(each) for each in (*manifest.files, _own(manifest))]
    yield {
        "@id": PATH,
        "@type": "CreativeWork",
        "name": "What this folder holds, as an RO-Crate",
        "conformsTo": {"@id": SPECIFICATION},
        "about": {"@id": _ROOT},
    }
    yield from flattened(_root(manifest, files))
    yield {
        "@id": PROFILE,
        "@type": ["CreativeWork", "Profile"],
        "name": "Process Run Crate",
        "version": PROFILE.rpartition("/")[2],
    }


def _root(manifest: Provenance, files: list[Node]) -> Node:
    dataset, subset = manifest.dataset, manifest.subset
    owner = provider(dataset.provider)
    # A work is known by the address of its DOI, unless something else here already is.
    known = {dataset.terms.url}
    works = []
    for citation in manifest.citations:
        address = doi_url(citation.doi)
        works.append(_work(citation, f"#{citation.id}" if address in known else address))
        known.add(address)
    parts = files + ([_images(manifest)] if manifest.images.files else [])
    return {
        "@id": _ROOT,
        "@type": "Dataset",
        "name": f"{clean(subset.name)}, version {subset.version}",
        "description": f"{size(manifest)}, cut from {clean(dataset.title)}, release "
        f"{clean(dataset.version)}. {clean(subset.note or '')}".strip(),
        "datePublished": manifest.export.at.isoformat(timespec="seconds"),
        "version": str(subset.version),
        "identifier": {
            "@id": "#digest",
            "@type": "PropertyValue",
            "name": "The digest of the subset's members",
            "propertyID": _XXH128,
            "value": subset.digest,
        },
        "license": {
            "@id": dataset.terms.url,
            "@type": "CreativeWork",
            "name": clean(dataset.terms.title),
            "description": clean(dataset.terms.words),
            "identifier": dataset.terms.licence,
        },
        "author": owner,
        "provider": owner,
        "publisher": owner,
        "creditText": paragraph(manifest),
        "usageInfo": usage(manifest, _ROOT),
        "citation": works,
        "isBasedOn": _dataset(manifest, owner),
        "conformsTo": {"@id": PROFILE},
        "hasPart": parts,
        "mentions": _action(manifest),
    }


def _dataset(manifest: Provenance, owner: Node) -> Node:
    dataset = manifest.dataset
    return {
        "@id": _DATASET,
        "@type": "CreativeWork",
        "additionalType": "https://schema.org/Dataset",
        "name": clean(dataset.title),
        "description": clean(dataset.description or dataset.title),
        "version": dataset.version,
        "datePublished": dataset.released,
        "url": list(dict.fromkeys((*links(manifest), dataset.homepage))),
        "identifier": dataset.table_checksum,
        "license": {"@id": dataset.terms.url},
        "provider": owner,
    }


def _action(manifest: Provenance) -> Node:
    export, subset, tool = manifest.export, manifest.subset, manifest.tool
    # The profile wants a web address; a package URL (purl) says which package that is.
    page = f"https://libraries.io/pypi/{tool.name}/{tool.version}"
    asked = f"The question was: {clean(subset.query)}" if subset.query else "No question was asked"
    return {
        "@id": _ACTION,
        "@type": "CreateAction",
        "name": f"Export of {clean(subset.name)}, version {subset.version}",
        "description": asked,
        "identifier": export.id,
        "instrument": {
            "@id": page,
            "@type": "SoftwareApplication",
            "name": tool.name,
            "version": tool.version,
            "url": page,
            "identifier": f"pkg:pypi/{tool.name}@{tool.version}",
        },
        "agent": {"@id": _AGENT, "@type": "Person", "name": clean(export.by)},
        "object": [
            {"@id": _DATASET},
            *(_set(each) for each in manifest.sets),
            *(_version(each) for each in (subset, *manifest.lineage)),
        ],
        "result": {"@id": _ROOT},
        "endTime": export.at.isoformat(timespec="seconds"),
    }


def _version(version: VersionFacts) -> Node:
    return {
        "@id": f"#subset-{quote(version.name)}-{version.version}",
        "@type": "CreativeWork",
        "name": clean(version.reference),
        "description": f"{count(version.images, 'image')} of "
        f"{count(version.patients, 'patient')}: {clean(version.normal)}",
        "version": str(version.version),
        "identifier": version.digest,
    }


def _set(each: SetFacts) -> Node:
    return {
        "@id": f"#{each.kind}-{quote(each.name)}",
        "@type": "CreativeWork",
        "name": clean(each.title),
        "description": f"{each.kind} {each.name}, from {clean(each.source)}",
        "identifier": each.checksum,
    }


def _work(citation: Citation, name: str) -> Node:
    facts = facts_of(citation)
    # Whose authors' affiliations are not known, so they are creators: authors would need them.
    people = [
        {
            "@id": f"#{citation.id}-{number}",
            "@type": "Person",
            "name": f"{given} {family}",
            "familyName": family,
            "givenName": given,
        }
        for number, (family, given) in enumerate(facts.authors, 1)
    ]
    work: Node = {
        "@id": name,
        "@type": "ScholarlyArticle" if citation.type != "dataset" else "CreativeWork",
        "name": facts.title,
        "creator": people,
        "datePublished": str(facts.year),
        "identifier": facts.doi,
    }
    if facts.pages:
        work["pagination"] = facts.pages
    place = citation.container_title or citation.publisher
    return {**work, "isPartOf": _place(citation.id, place)} if place else work


def _place(work: str, name: str) -> Node:
    return {"@id": f"#{work}-in", "@type": "CreativeWork", "name": clean(name)}


def _own(manifest: Provenance) -> FileFact:
    """Return the facts of the manifest itself, which does not list itself."""
    data = manifest.to_json().encode()
    digest = xxhash.xxh3_128_hexdigest(data)
    return FileFact(path=_MANIFEST, size=len(data), checksum=f"xxh128:{digest}")


def _file(fact: FileFact) -> Node:
    kind = media_type(fact.path)
    node: Node = {
        "@id": quote(fact.path),
        "@type": "File",
        "name": fact.path,
        "description": what_is(fact.path),
        "encodingFormat": kind,
        "contentSize": str(fact.size),
        "xxh128": fact.checksum.partition(":")[2],
    }
    return {**node, "sha256": fact.sha256} if fact.sha256 else node


def _images(manifest: Provenance) -> Node:
    images = manifest.images
    return {
        "@id": "images/",
        "@type": "Dataset",
        "name": "images",
        "description": f"{count(images.files, 'image')}; metadata.csv has the path, the size and "
        "the checksum of each",
        "encodingFormat": images.media_type or "image/png",
        "contentSize": str(images.size),
        "size": str(images.files),
    }
