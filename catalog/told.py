"""What a manifest, an export or a recipe tells of a subset and of all that it was made from."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..schemas.errors import InputError
from ..schemas.manifest import (
    DatasetFacts,
    FunnelStep,
    Provenance,
    SetFacts,
    SubsetFacts,
    VersionFacts,
)
from ..schemas.recipe import Names, Recipe, RecipeDataset, RecipeSubset
from ..schemas.yaml_reader import read_model
from .checksums import names_checksum
from .metadata import read_cells
from .progress import SILENT
from .subsets import check_name, check_note
from .verify import read_manifest

TABLE, MANIFEST = "metadata.csv", "provenance.json"
LARGEST = 64 << 20  # bytes of names; those of 112,120 images with their checksums have 6 million
_LARGEST_MANIFEST = 64 << 20  # bytes
_OPERATION = re.compile(r"[a-z_-]{1,40}")
_DEEPEST = 1000  # versions that a subset is made from


@dataclass(frozen=True, slots=True)
class Told:
    """What was recorded elsewhere; `versions` has every version after those it is made from.

    The last one is the subset. `names` has the images of those versions of which they are told, by
    ``name@version``.
    """

    where: str
    tool: str
    dataset: DatasetFacts | RecipeDataset
    versions: Sequence[VersionFacts]
    funnel: Sequence[FunnelStep]
    note: str | None
    sets: Sequence[SetFacts]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    manifest: Provenance | None = None

    @property
    def subset(self) -> VersionFacts:
        """The version that all this is about."""
        return self.versions[-1]


def read(path: Path) -> Told:
    """Return what an export's folder, its manifest or a recipe tells; raise `InputError`."""
    if path.is_dir():
        manifest = read_manifest(path)
        table = path / TABLE
        names = {manifest.subset.reference: read_table(table)["name"]} if table.exists() else {}
        return of_manifest(manifest, str(path / MANIFEST), names)
    if path.suffix in (".yaml", ".yml"):
        return of_recipe(path)
    try:
        if path.stat().st_size > _LARGEST_MANIFEST:
            raise InputError(f"{path}: larger than {_LARGEST_MANIFEST >> 20} MiB, so no manifest")
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return of_manifest(Provenance.from_json(text, str(path)), str(path))


def of_manifest(
    manifest: Provenance, where: str, names: Mapping[str, Sequence[str]] | None = None
) -> Told:
    """Return what a manifest tells."""
    return Told(
        where,
        manifest.tool.version,
        manifest.dataset,
        _ordered(where, manifest.subset, manifest.lineage),
        manifest.subset.funnel,
        _note(manifest.subset),
        manifest.sets,
        names or {},
        manifest,
    )


def of_recipe(path: Path) -> Told:
    """Return what a recipe tells."""
    recipe = read_model(path, Recipe)
    where = str(path)
    names = {}
    for each in recipe.names:
        lines = _lines(path, each)
        names[each.of] = [line.partition(" ")[0] for line in lines]
    return Told(
        where,
        recipe.tool.version,
        recipe.dataset,
        _ordered(where, recipe.subset, recipe.lineage),
        recipe.subset.funnel,
        _note(recipe.subset),
        recipe.sets,
        names,
    )


def read_table(path: Path) -> dict[str, list[str]]:
    """Return the columns of an export's metadata.csv that registering needs; raise `InputError`."""
    if path.is_symlink():
        raise InputError(f"{path}: is a link, which cxrcat does not write")
    header, columns = read_cells(path, SILENT, None)
    wanted = ("name", "path", "size", "checksum")
    for column in wanted:
        if header.count(column) != 1:
            raise InputError(f"{path}:1: the column {column!r} is not there once")
    return {column: columns[header.index(column)] for column in wanted}


def pack(lines: Iterable[str]) -> bytes:
    """Return lines as a gzip file; the same zlib gives the same bytes."""
    text = "".join(f"{line}\n" for line in lines).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(text) + packer.flush()


def unpack(data: bytes, where: str) -> list[str]:
    """Return the lines of a gzip file; raise `InputError` when it is damaged or too large."""
    unpacker = zlib.decompressobj(31)
    try:
        text = unpacker.decompress(data, LARGEST + 1)
    except zlib.error as error:
        raise InputError(f"{where}: the names are no gzip data") from error
    if len(text) > LARGEST:
        raise InputError(f"{where}: the names are larger than {LARGEST >> 20} MiB")
    if not unpacker.eof or unpacker.unused_data:
        raise InputError(f"{where}: the names are cut off, or followed by something else")
    try:
        return text.decode("ascii").removesuffix("\n").split("\n") if text else []
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: the names are not ASCII text (byte {error.start})") from error


def _lines(path: Path, each: Names) -> Sequence[str]:
    """Return the lines of a version's names, checked against what the recipe says of them."""
    where = str(path)
    if each.lines is not None:
        lines: Sequence[str] = each.lines
    elif each.packed is not None:
        try:
            lines = unpack(base64.b64decode("".join(each.packed.split()), validate=True), where)
        except (binascii.Error, ValueError) as error:
            raise InputError(f"{where}: the packed names are not base64") from error
    else:
        beside = path.parent / str(each.file)
        where = str(beside)
        try:
            if beside.is_symlink() or not beside.is_file():
                raise InputError(
                    f"{where}: the names of {each.of[:90]} are not there; put the file beside "
                    f"{path.name}"
                )
            if beside.stat().st_size > LARGEST:
                raise InputError(f"{where}: larger than {LARGEST >> 20} MiB")
            lines = unpack(beside.read_bytes(), where)
        except OSError as error:
            raise InputError(f"{where}: cannot be read: {error.strerror}") from error
    if len(lines) != each.images or names_checksum(lines) != each.checksum:
        raise InputError(f"{where}: the names of {each.of[:90]} were changed: not {each.checksum}")
    return lines


def _note(subset: SubsetFacts | RecipeSubset) -> str | None:
    if subset.note is not None:
        check_note(subset.note)
    return subset.note


def _ordered(
    where: str, subset: SubsetFacts | RecipeSubset, lineage: Sequence[VersionFacts]
) -> list[VersionFacts]:
    """Return the versions, each after those it is made from; raise `InputError` for a bad one."""
    every: dict[str, VersionFacts] = {each.reference: each for each in (*lineage, subset)}
    if len(every) != len(lineage) + 1 or len(every) > _DEEPEST:
        raise InputError(f"{where}: lineage: has a version twice, or more than {_DEEPEST:,}")
    waiting: dict[str, set[str]] = {}
    for step in subset.funnel:
        if not step.condition.isprintable():
            raise InputError(f"{where}: funnel: a condition cannot be printed")
    for reference, each in every.items():
        check_name(each.name)
        if not _OPERATION.fullmatch(each.operation):
            raise InputError(f"{where}: {reference}: operation: is no word of cxrcat's")
        if not all(letter.isprintable() or letter in "\t\n\r" for letter in each.query):
            raise InputError(f"{where}: {reference}: query: cannot be printed")
        waiting[reference] = {read.name for read in each.reads if read.kind == "subset"}
        unknown = sorted(waiting[reference] - set(every))
        if unknown:
            raise InputError(
                f"{where}: {reference} is made from {unknown[0][:90]!r}, which is not told of"
            )
    ordered: dict[str, VersionFacts] = {}
    while waiting:
        ready = [name for name, parents in waiting.items() if parents <= set(ordered)]
        if not ready:
            raise InputError(f"{where}: {next(iter(waiting))} is made from itself")
        for name in ready:
            del waiting[name]
            ordered[name] = every[name]
    if subset.reference != next(reversed(ordered)):
        raise InputError(f"{where}: lineage: has a version that {subset.reference} does not need")
    return list(ordered.values())
