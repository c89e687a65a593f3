"""Write a subset as a recipe, and make it again from one."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlmodel import Session, col, select

from ..schemas.errors import CheckFailedError, InputError, UsageError
from ..schemas.manifest import Provenance, VersionFacts
from ..schemas.recipe import Names, Recipe, RecipeDataset, RecipeDuty, RecipeSubset
from ..schemas.tables import Dataset, Replica, Subset
from . import events, images, subsets
from .bitmaps import load, ordinals
from .checksums import names_checksum
from .create import Ask, Creator
from .export.run import draft
from .rebuild import Asker, Reference, kept_by, key, members_told, reference
from .reproduce import Reproduction, reproduce
from .settings import Settings
from .store import Store
from .subsets import SubsetInfo
from .told import MANIFEST, TABLE, Told, of_manifest, pack, read_table
from .verify import verify

INLINE = 200
"""How many names a recipe holds as they are; more are compressed."""

_ENDING = ".names.gz"


@dataclass(frozen=True, slots=True)
class Written:
    """A recipe's text, and the files beside it by their names."""

    text: str
    beside: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A subset made from a recipe, and the versions here that stand for those of the recipe."""

    subset: SubsetInfo
    versions: dict[str, str]
    notes: tuple[str, ...]


def of_subset(store: Store, settings: Settings, name: str, beside: str | None) -> Written:
    """Return the recipe of a subset; `beside` names its file where it is not to stand alone."""
    manifest = draft(store, settings, name)
    with store.reading() as session:
        row = subsets.get(session, name)
        dataset = session.get_one(Dataset, row.dataset_id)
        lines = {manifest.subset.reference: list(_lines(session, dataset, row))}
        _add_kept(session, dataset, manifest, lines)
    return _write(manifest, lines, beside)


def of_export(store: Store, folder: Path, beside: str | None) -> Written:
    """Return the recipe of an export's subset, with the checksums of the images that it has.

    Raises `CheckFailedError` when the export is not whole, and `UsageError` when it was derived
    from a list that neither the export nor this catalog has.
    """
    if not verify(folder).ok:
        raise CheckFailedError(f"{folder}: was changed; 'cxrcat verify {folder}' says where")
    from .verify import read_manifest

    manifest = read_manifest(folder)
    table = read_table(folder / TABLE)
    whole = zip(table["name"], table["checksum"], strict=True)
    lines = {manifest.subset.reference: [_line(*each) for each in whole]}
    if names_checksum(table["name"]) != manifest.subset.names:
        raise CheckFailedError(f"{folder / TABLE}: names other images than {MANIFEST} says")
    told = of_manifest(manifest, str(folder / MANIFEST))
    if any(kept_by(each) for each in told.versions[:-1]):
        from . import datasets

        with store.reading() as session:
            dataset = datasets.find(session, f"{told.dataset.slug}@{told.dataset.version}")
            _add_kept(session, dataset, manifest, lines)
    return _write(manifest, lines, beside)


def save(path: Path, written: Written) -> None:
    """Write a recipe and what stands beside it, each whole or not at all; the recipe last."""
    files = {path.with_name(name): data for name, data in written.beside.items()}
    for each, data in {**files, path: written.text.encode()}.items():
        part = each.with_name(f".{each.name}.cxrcat-part")
        try:
            with part.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(each)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise InputError(f"{each}: cannot be written: {error.strerror}") from error


def make(session: Session, told: Told, name: str | None, by: str) -> Rebuilt:
    """Record a recipe's subset and its lineage here, if the answers are equal to its own.

    A version that is here already, under its name with the same question, steps and answer, stays.
    Raises `UsageError` when a question cannot be asked here, and `CheckFailedError`, saying what
    differs, when an answer is another one; nothing is recorded then.
    """
    subsets.check_name(name or told.subset.name)
    found = reproduce(session, told)
    check(found)
    dataset = _dataset(session, told)
    asker = Asker(session, dataset, Creator(session, dataset, by).index, by)
    numbers: dict[Reference, Reference] = asker.numbers
    row: Subset | None = None
    for version in told.versions:
        own = (name or version.name) if version is told.subset else version.name
        there, _ = members_told(session, dataset, version, told.names)
        ask = replace(_ask(asker, version, told), name=own, listed=there)
        if version is told.subset:
            ask = replace(ask, note=told.note)
        answer = asker.creator.answer(ask)
        row = equal_version(session, dataset, own, answer.normal, answer.steps, answer.digest)
        if row is None:
            row = asker.creator.create(ask)
            session.flush()
        numbers[key(version)] = row.name, row.version
    if row is None:
        raise InputError(f"{told.where}: has no subset")
    versions = {_spell(there): _spell(here) for there, here in numbers.items()}
    events.record(
        session, by, "recipe.followed", _spell((row.name, row.version)), versions=versions
    )
    return Rebuilt(subsets.describe(row, dataset), versions, found.notes)


def check(found: Reproduction) -> None:
    """Raise what says in a line how answers differ from those recorded."""
    if found.equal:
        return
    where = f"{found.of}: nothing was recorded"
    if found.problems:
        raise UsageError(f"{where}: {found.problems[0]}")
    first = next(each for each in found.versions if not each.equal)
    if first.digest is None:
        raise UsageError(f"{where}: {first.subset}: {first.problem}")
    counts = f"{first.images:,} images here and {first.images_recorded:,} there"
    more = ""
    if first.gained is not None and first.lost is not None:
        more = f", {len(first.gained):,} more and {len(first.lost):,} less"
        changed = (*first.lost, *first.gained)
        if changed:
            more += f" ({changed[0].name}: {changed[0].reason})"
    said = f"; {first.problem}" if first.problem else ""
    raise CheckFailedError(
        f"{where}, since {first.subset} has another answer: {counts}{more}{said}; "
        f"'cxrcat reproduce {found.of}' says all"
    )


def equal_version(
    session: Session,
    dataset: Dataset,
    name: str,
    normal: str,
    steps: Sequence[dict[str, object]],
    digest: str,
) -> Subset | None:
    """Return the version under a name with this question, these steps and this answer."""
    query = select(Subset).where(Subset.dataset_id == dataset.id, Subset.name == name)
    query = query.where(Subset.normal == normal, Subset.digest == digest)
    rows = session.exec(query.order_by(col(Subset.version).desc()))
    return next((row for row in rows if row.steps == list(steps)), None)


def _ask(asker: Asker, version: VersionFacts, told: Told) -> Ask:
    """Return what asks a version, in the order of its funnel's conditions where that is known."""
    text = None
    if version is told.subset and told.funnel:
        listed, _ = members_told(asker.creator.session, asker.creator.dataset, version, told.names)
        words = [step.condition for step in told.funnel]
        found = asker.answer(version, listed, told.funnel)
        if words == [step["condition"] for step in found.funnel]:
            text = found.ask.where
    return asker.ask_of(version, None, text)


def _dataset(session: Session, told: Told) -> Dataset:
    from . import datasets

    return datasets.find(session, f"{told.dataset.slug}@{told.dataset.version}")


def _lines(session: Session, dataset: Dataset, row: Subset) -> Iterator[str]:
    """Yield the images of a version, with the checksums of those that were seen with one alone."""
    members = load(row.members)
    every = (
        select(Replica.ordinal, Replica.checksum)
        .where(Replica.dataset_id == dataset.id, col(Replica.checksum).startswith("xxh128:"))
        .where(col(Replica.problem).is_(None))
        .distinct()
    )
    seen: dict[int, str] = {}
    for ordinal, checksum in session.exec(every):
        if ordinal in members:
            seen[ordinal] = "" if ordinal in seen else str(checksum)
    named = images.names(session, dataset, members)
    for ordinal, name in zip(ordinals(members), named, strict=True):
        yield _line(name, seen.get(ordinal, ""))


def _line(name: str, checksum: str) -> str:
    return f"{name} {checksum}" if checksum.startswith("xxh128:") else name


def _add_kept(
    session: Session, dataset: Dataset, manifest: Provenance, lines: dict[str, list[str]]
) -> None:
    """Add the names of the versions that a list, or a table elsewhere, answered."""
    for version in manifest.lineage:
        if not kept_by(version):
            continue
        members, _ = members_told(session, dataset, version, {})
        if members is None:
            raise UsageError(
                f"{version.reference} was answered by {kept_by(version)}, and the names of its "
                "images are not in this catalog; write the recipe where they are"
            )
        lines[version.reference] = list(images.names(session, dataset, members))


def _spell(each: Reference) -> str:
    return f"{each[0]}@{each[1]}"


def _write(manifest: Provenance, lines: dict[str, list[str]], beside: str | None) -> Written:
    files: dict[str, bytes] = {}
    names = []
    for of, every in lines.items():
        reference(of)
        facts = {"of": of, "images": len(every), "checksum": names_checksum(every)}
        if len(every) <= INLINE:
            names.append(Names.model_validate({**facts, "lines": every}))
        elif beside is None:
            packed = base64.encodebytes(pack(every)).decode()
            names.append(Names.model_validate({**facts, "packed": packed}))
        else:
            stem = beside.removesuffix(".yaml").removesuffix(".yml").removesuffix(".cxrcat")
            more = "" if of == manifest.subset.reference else f".{of.replace('@', '-')}"
            file = f"{stem}.cxrcat{more}{_ENDING}"
            files[file] = pack(every)
            names.append(Names.model_validate({**facts, "file": file}))
    dataset, subset = manifest.dataset, manifest.subset
    recipe = Recipe(
        format="cxrcat.recipe/1",
        tool=manifest.tool,
        dataset=RecipeDataset(
            slug=dataset.slug,
            version=dataset.version,
            title=dataset.title,
            homepage=dataset.homepage,
            images=dataset.images,
            patients=dataset.patients,
            table_checksum=dataset.table_checksum,
            names_checksum=dataset.names_checksum,
        ),
        subset=RecipeSubset(**{name: getattr(subset, name) for name in RecipeSubset.model_fields}),
        lineage=manifest.lineage,
        sets=manifest.sets,
        duties=[
            RecipeDuty(**{name: getattr(duty, name) for name in RecipeDuty.model_fields})
            for duty in manifest.duties
        ],
        citations=manifest.citations,
        names=names,
    )
    return Written(recipe.to_yaml(), files)
