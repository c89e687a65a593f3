"""prov.json: where a slice comes from, as W3C PROV has it.

What is alike everywhere (a release, a label set, the answer to a question) is an entity named after
its digest, so that documents about one subset merge. What a catalog holds of it is a record: a
specialisation, made at a time by somebody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from ...schemas.errors import InputError
from ...schemas.manifest import Arrival, Provenance, ReadFact, VersionFacts
from ...schemas.terms import DutyKind
from ..checksums import of_bytes
from .facts import clean, doi_url
from .files import TABLES
from .prov_json import Document, Statements, address, identifier, lines, name, whole
from .wording import count, duties_of, size

_ACTIVITIES = {"where": "term:Select", "split": "term:Split"}  # all other operations derive
_FETCHED = "the images were fetched from "  # so begins what a source of images brought a duty by


def write(manifest: Provenance) -> str:
    """Return prov.json of an export."""
    return "".join(lines(document(manifest)))


def document(manifest: Provenance, *, exported: bool = True) -> Document:
    """Return the provenance of an export, or, without `exported`, that of its subset alone.

    Raises `InputError` when the lineage lacks a version that it names, or goes in a circle.
    """
    order = list(_in_order(manifest))
    builder = _Builder(manifest)
    builder.release()
    builder.sets()
    for version in order:
        builder.version(version)
    if exported:
        builder.export()
    return builder.said.document


def members_id(manifest: Provenance) -> str:
    """Return the name of the images of the slice, as a collection."""
    return identifier("images", _digits(manifest.subset.names))


def copies_id(manifest: Provenance) -> str:
    """Return the name of the image files in the export, as a collection."""
    return identifier("export", manifest.export.id, "images")


class _Builder:
    """What makes the statements, part after part, each from those before it."""

    def __init__(self, manifest: Provenance) -> None:
        self.said = Statements()
        self._manifest = manifest
        self._dataset = ""
        self._sets: dict[tuple[str, str, str | None], str] = {}
        self._versions: dict[str, str] = {}
        self._records: dict[str, str] = {}  # by the entity of which each is the record
        self._waiting = list(manifest.export.arrivals)

    def release(self) -> None:
        """State the release, its provider and page, and the images of the slice."""
        said, dataset, subset = self.said, self._manifest.dataset, self._manifest.subset
        page = said.entity(
            identifier("page", _digits(str(of_bytes(dataset.homepage.encode())))),
            f"the home page of {clean(dataset.short_title)}",
            "term:Page",
            address=address(dataset.homepage),
        )
        self._dataset = said.entity(
            identifier("dataset", dataset.slug, dataset.version, _digits(dataset.table_checksum)),
            f"{clean(dataset.title)}, release {clean(dataset.version)}",
            "term:Dataset",
            dataset=clean(dataset.slug),
            release=clean(dataset.version),
            released=clean(dataset.released),
            images=dataset.images,
            patients=dataset.patients,
            checksum=dataset.table_checksum,
            names=dataset.names_checksum,
            terms=clean(dataset.terms.words),
            termsAddress=address(dataset.terms.url),
        )
        source = {"prov:type": name("prov:PrimarySource")}
        said.relate("wasDerivedFrom", self._dataset, page, source)
        said.relate("wasAttributedTo", self._dataset, self._organization(dataset.provider.name))
        self._recorded(self._dataset, "term:Ingest", self._arrival("dataset", dataset.version), [])
        members = said.entity(
            members_id(self._manifest),
            size(self._manifest),
            "prov:Collection",
            images=subset.images,
            names=subset.names,
        )
        said.relate("wasDerivedFrom", members, self._dataset)

    def sets(self) -> None:
        """State the label sets, splits and boxes that were read."""
        release = self._records[self._dataset]
        for each in self._manifest.sets:
            entity = self._set(each.kind, each.name, each.checksum, each.title, each.source)
            if each.kind == "boxes":  # which come with the release
                self._records[entity] = release
            else:
                self._recorded(entity, "term:Ingest", self._arrival(each.kind, each.name), [])

    def version(self, version: VersionFacts) -> None:
        """State a version of a subset, and how its record was made."""
        said = self.said
        question = {
            "question": clean(version.query),
            "normal": clean(version.normal),
            "operation": clean(version.operation),
            "step": [clean(json.dumps(step, ensure_ascii=False)) for step in version.steps],
        }
        entity = said.entity(
            self._version_id(version),
            f"subset {clean(version.reference)}",
            "term:Subset",
            **question,
            images=version.images,
            patients=version.patients,
            digest=version.digest,
        )
        self._versions[version.reference] = entity
        read = dict.fromkeys(each for read in version.reads for each in self._read(read))
        if not any(_parents(version)):
            read = {self._dataset: None, **read}
        for source in read:
            said.relate("wasDerivedFrom", entity, source)
        kind = _ACTIVITIES.get(version.operation, "term:Derive")
        self._recorded(entity, kind, self._arrival("subset", version.reference), read, **question)
        if version is self._manifest.subset:
            said.relate("specializationOf", entity, members_id(self._manifest))

    def export(self) -> None:
        """State the export, its tables and its image files, and who made it with what."""
        said, manifest, facts = self.said, self._manifest, self._manifest.export
        reference = clean(manifest.subset.reference)
        subset = self._versions[manifest.subset.reference]
        run = said.activity(
            identifier("activity", facts.id), f"export of {reference}", "term:Export"
        )
        said.document["activity"][run]["prov:startTime"] = facts.at.isoformat()
        person, tool = self._person(facts.by), self._tool(manifest.tool.version)
        self._associate(run, person, tool)
        export = said.entity(
            identifier("export", facts.id),
            f"export of {reference}, {size(manifest)}",
            "term:Slice",
            "prov:Collection",
            export=clean(facts.id),
            host=clean(facts.host),
            project=facts.project and clean(facts.project),
            mode=manifest.images.mode,
            duty=[clean(duty.text) for duty in manifest.duties],
            cites=[address(doi_url(work.doi)) for work in manifest.citations],
        )
        said.relate("wasAttributedTo", export, person)
        said.relate("wasDerivedFrom", export, subset)
        made = [export, *self._tables(export), *self._copies(export)]
        for each in made:
            said.relate("wasGeneratedBy", each, run, {"prov:time": facts.at.isoformat()})
        boxes = any(fact.path == "boxes.csv" for fact in manifest.files)
        read = [subset, self._dataset, *self._of_kind("labels")[:1]]
        read += self._of_kind("boxes") if boxes else []
        for each in dict.fromkeys(self._records.get(each, each) for each in read):
            said.relate("used", run, each)
        if manifest.images.files:
            said.relate("used", run, members_id(manifest))
        self._acknowledge(export)

    def _version_id(self, version: VersionFacts) -> str:
        dataset = self._manifest.dataset
        place = (dataset.slug, dataset.version, version.reference)
        return identifier("subset", *place, _digits(version.digest))

    def _tables(self, export: str) -> Iterator[str]:
        for fact in self._manifest.files:
            if fact.path in TABLES:
                file = self.said.entity(
                    identifier("export", self._manifest.export.id, fact.path),
                    fact.path,
                    "term:File",
                    path=fact.path,
                    size=whole(fact.size),
                    checksum=fact.checksum,
                )
                self.said.relate("hadMember", export, file)
                yield file

    def _copies(self, export: str) -> Iterator[str]:
        images = self._manifest.images
        if images.files:
            copies = self.said.entity(
                copies_id(self._manifest),
                count(images.files, "image file"),
                "prov:Collection",
                images=images.files,
                size=whole(images.size),
                source=images.brought_from and clean(images.brought_from),
            )
            self.said.relate("hadMember", export, copies)
            self.said.relate("wasDerivedFrom", copies, members_id(self._manifest))
            yield copies

    def _acknowledge(self, export: str) -> None:
        """State what others than the provider did, as the duties tell it."""
        manifest = self._manifest
        for duty in duties_of(manifest, DutyKind.ACKNOWLEDGEMENT):
            if duty.party is None or duty.party == manifest.dataset.provider.name:
                continue
            party, text = self._organization(duty.party), {"term:duty": clean(duty.text)}
            theirs = self._of_kind("source")
            if manifest.images.files and any(each.startswith(_FETCHED) for each in duty.because):
                theirs.append(copies_id(manifest))
            for each in theirs:
                self.said.relate("wasAttributedTo", each, party, text)
            if not theirs:
                self.said.relate("wasInfluencedBy", export, party, text)

    def _recorded(
        self,
        entity: str,
        kind: str,
        arrival: Arrival | None,
        read: Iterable[str],
        **facts: object,
    ) -> None:
        """State the record of an entity in the catalog, and the activity that made it."""
        said = self.said
        at, by = (arrival.at.isoformat(), arrival.by) if arrival else ("", None)
        key = _digits(str(of_bytes("\n".join((entity, at, by or "")).encode())))
        label = str(said.document["entity"][entity]["prov:label"])
        record = said.entity(identifier("record", key), f"{label}, as recorded", "term:Record")
        run = said.activity(identifier("activity", key), f"recording of {label}", kind, **facts)
        said.relate("specializationOf", record, entity)
        if arrival is not None:
            said.document["activity"][run]["prov:endTime"] = at
        said.relate("wasGeneratedBy", record, run, {"prov:time": at} if arrival else None)
        used = [self._records.get(each, each) for each in read] or [entity]
        for each in dict.fromkeys(used):
            said.relate("used", run, each)
        person = self._person(by) if by else None
        if person:
            said.relate("wasAttributedTo", record, person)
        self._associate(run, person, self._tool(None))
        self._records[entity] = record

    def _associate(self, activity: str, person: str | None, tool: str) -> None:
        self.said.relate("wasAssociatedWith", activity, tool)
        if person:
            self.said.relate("wasAssociatedWith", activity, person)
            on = {"prov:activity": activity}
            self.said.relate("actedOnBehalfOf", tool, person, on)

    def _person(self, by: str) -> str:
        return self.said.agent(identifier("person", by), clean(by), "prov:Person")

    def _tool(self, version: str | None) -> str:
        """Return cxrcat; by which of its versions a record was made is not known."""
        words = ("cxrcat", *([version] if version else []))
        key = identifier("software", *words)
        shown = version and clean(version)
        return self.said.agent(key, clean(" ".join(words)), "prov:SoftwareAgent", version=shown)

    def _organization(self, party: str) -> str:
        provider = self._manifest.dataset.provider
        page = provider.url if party == provider.name else None
        return self.said.agent(
            identifier("organization", party),
            clean(party),
            "prov:Organization",
            address=page and address(page),
        )

    def _set(
        self, kind: str, slug: str, checksum: str | None, title: str, source: str | None
    ) -> str:
        key = identifier("set", kind, slug, *([_digits(checksum)] if checksum else []))
        entity = self.said.entity(
            key,
            clean(title),
            f"term:{kind.capitalize()}",
            file=source and clean(source),
            checksum=checksum,
        )
        self.said.relate("wasDerivedFrom", entity, self._dataset)
        self._sets[kind, slug, checksum] = entity
        return entity

    def _read(self, read: ReadFact) -> list[str]:
        """Return what something that was read is; the word of a box means all boxes."""
        if read.kind == "subset":
            return [self._versions[read.name]]
        if read.kind == "boxes":
            return self._of_kind("boxes")
        known = [
            entity
            for (kind, slug, checksum), entity in self._sets.items()
            if (kind, slug) == (read.kind, read.name) and read.checksum in (None, checksum)
        ]
        return known[:1] or [self._set(read.kind, read.name, read.checksum, read.name, None)]

    def _of_kind(self, kind: str) -> list[str]:
        return [entity for (each, *_), entity in self._sets.items() if each == kind]

    def _arrival(self, kind: str, part: str) -> Arrival | None:
        """Return the next arrival of a part: of one label set, several files may have arrived."""
        for arrival in self._waiting:
            if (arrival.kind, arrival.name) == (kind, part):
                self._waiting.remove(arrival)
                return arrival
        return None


def _in_order(manifest: Provenance) -> Iterator[VersionFacts]:
    """Yield the versions that the slice consists of, each after those that it is made from."""
    versions = {each.reference: each for each in (*manifest.lineage, manifest.subset)}
    done: set[str] = set()
    path = {manifest.subset.reference: _parents(manifest.subset)}
    while path:
        reference = next(reversed(path))
        parent = next(path[reference], None)
        if parent is None:
            del path[reference]
            done.add(reference)
            yield versions[reference]
        elif parent not in versions:
            raise InputError(f"the manifest's lineage lacks {parent!r}, which {reference!r} reads")
        elif parent in path:
            raise InputError(f"the manifest's lineage has {parent!r} come from itself")
        elif parent not in done:
            path[parent] = _parents(versions[parent])


def _parents(version: VersionFacts) -> Iterator[str]:
    return (read.name for read in version.reads if read.kind == "subset")


def _digits(checksum: str) -> str:
    return checksum.rpartition(":")[2]
