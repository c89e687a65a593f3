"""Where images come from: one module a source, chosen by the text after ``--from``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...schemas.descriptor import Descriptor, SourceKind, SourceSpec
from ...schemas.errors import NotFoundError, UsageError
from ..suggest import unknown
from .base import Found, Source, Transferred, file_of
from .cost import Limits
from .folder import Folder

if TYPE_CHECKING:
    from ..instances import Instances

__all__ = ["Access", "Found", "Source", "Transferred", "file_of", "open_source"]


@dataclass(frozen=True, slots=True)
class Access:
    """What a user grants a source: the project that is billed, and the caps."""

    billing_project: str | None = None
    limits: Limits = field(default_factory=Limits)


def open_source(
    text: str, descriptor: Descriptor, access: Access, instances: Instances | None = None
) -> Source:
    """Return the source that a text names.

    ``SLUG`` or ``SLUG:PLACE`` is a source of the descriptor, PLACE another folder, bucket or server
    than the one that stands there; ``gs://…`` and ``https://…`` are a bucket and a DICOMweb server;
    anything else is a local folder. `instances` tells what the instances of a DICOMweb server are.
    Raises `InputError` or `UsageError` when it cannot be used, and `SourceError` when a service
    fails.
    """
    specs = {each.slug: each for each in descriptor.sources}
    slug, _, place = text.partition(":")
    if text.startswith("gs://"):
        return _bucket(_anonymous(SourceKind.GCS, text), text, access)
    if text.startswith(("http://", "https://")):
        return _dicomweb(_anonymous(SourceKind.DICOMWEB, text), text, access, instances)
    if slug in specs:
        return _of_spec(specs[slug], place or None, access, instances)
    if place and not Path(text).exists():
        raise NotFoundError(unknown("source", slug, specs))
    return Folder(Path(text))


def _of_spec(
    spec: SourceSpec, place: str | None, access: Access, instances: Instances | None
) -> Source:
    match spec.kind:
        case SourceKind.GCS:
            return _bucket(spec, place, access)
        case SourceKind.DICOMWEB:
            return _dicomweb(spec, place, access, instances)
        case SourceKind.ARCHIVES:
            from .archives import Archives

            if place is None:
                raise UsageError(
                    f"say where the archives are: --from {spec.slug}:DIR; "
                    f"'cxrcat fetch {spec.slug} --to DIR' downloads them"
                )
            return Archives(spec, Path(place))
        case _:
            raise UsageError(f"{spec.slug} has no images, only what is said of them")


def _bucket(spec: SourceSpec, place: str | None, access: Access) -> Source:
    from .gcs import Bucket

    return Bucket(spec, place, access)


def _dicomweb(
    spec: SourceSpec, place: str | None, access: Access, instances: Instances | None
) -> Source:
    from .dicomweb import DicomWeb

    return DicomWeb(spec, place, access, instances)


def _anonymous(kind: SourceKind, place: str) -> SourceSpec:
    """Return the description of a place that no descriptor knows."""
    dicom = kind is SourceKind.DICOMWEB
    return SourceSpec(
        slug=kind.value,
        kind=kind,
        title=place,
        provider="unknown",
        uri=place,
        media_type="application/dicom" if dicom else "image/png",
    )
