"""Scan places in Cloud Storage: listed, with the store's own checksums; no object is read."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, NamedTuple

from ...schemas.descriptor import SourceKind, SourceSpec
from ...schemas.errors import SourceError
from .. import cloud
from ..progress import Progress
from ..replicas import Known, Problem, Seen
from ..sources import Access
from .ledger import Ledger, is_gone, looks_like_image

_FIELDS = "items(name,size,generation,crc32c),nextPageToken"
_STEP = 1_000  # objects, a page of the listing


class _Object(NamedTuple):
    """An object: the last part of its name, its size in bytes, and what pins and checks it."""

    name: str
    size: int
    generation: str
    stored: str | None


class Prefix:
    """A bucket or a part of it; `uri` is where its objects' URIs begin, `source` its name."""

    def __init__(self, uri: str, sources: list[SourceSpec], access: Access) -> None:
        bucket, prefix = cloud.split_uri(uri)
        self._bucket = bucket
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self.uri = f"{cloud.SCHEME}{bucket}/{self._prefix}"
        spec = next((each for each in sources if self._is_of(each)), None)
        self.source = spec.slug if spec else SourceKind.GCS.value
        self._payer = access.billing_project
        if spec and spec.requester_pays and not self._payer:
            raise SourceError(
                f"{self.uri}: its owner lets requesters pay, for the listing too; name your Google "
                "Cloud project with --billing-project PROJECT or CXRCAT_BILLING_PROJECT"
            )

    def _is_of(self, spec: SourceSpec) -> bool:
        return spec.kind is SourceKind.GCS and self.uri.startswith(spec.uri.partition("{")[0])

    def objects(self) -> Iterator[Any]:
        """Yield every object; raise `SourceError` when the store does not answer."""
        client = cloud.client()
        try:
            with cloud.plain_errors(self.uri):
                yield from client.list_blobs(
                    client.bucket(self._bucket, user_project=self._payer),
                    prefix=self._prefix,
                    fields=_FIELDS,
                    retry=cloud.retry(),
                    timeout=cloud.TIMEOUT,
                )
        finally:
            client.close()


def scan_bucket(ledger: Ledger, place: Prefix, progress: Progress) -> None:
    """Find the images under a prefix.

    Raises `SourceError` when the listing breaks off; nothing is then recorded.
    """
    objects: dict[str, _Object] = {}
    with progress.task("listing", None, "files") as advance:
        for blob in place.objects():
            name = blob.name.rpartition("/")[2]
            if name:
                objects[f"{cloud.SCHEME}{blob.bucket.name}/{blob.name}"] = _Object(
                    name,
                    int(blob.size or 0),
                    str(blob.generation),
                    f"crc32c:{base64.b64decode(blob.crc32c).hex()}" if blob.crc32c else None,
                )
                if len(objects) % _STEP == 0:
                    advance(_STEP)
    ordinals = ledger.ordinals_of(each.name for each in objects.values())
    recorded = map(Known._make, ledger.known.values())
    earlier = {row.uri.rpartition("#")[0]: row for row in recorded if not is_gone(row.problem)}
    for uri, found in sorted(objects.items()):
        if found.name in ordinals:
            pinned = f"{uri}#{found.generation}"
            before = ledger.take(pinned)
            if before is not None and before.stored is not None:
                ledger.keep([before])
                continue
            if before is None and uri in earlier:
                before = earlier[uri]
                del ledger.known[before.uri]
                ledger.supersede(before)
            ledger.add(place.source, _seen(ordinals[found.name], pinned, found, before), before)
        elif looks_like_image(found.name):
            ledger.strangers.append(uri)


def _seen(ordinal: int, uri: str, found: _Object, before: Known | None) -> Seen:
    return Seen(
        ordinal=ordinal,
        uri=uri,
        size=found.size,
        checksum=before.checksum if before and before.uri == uri else None,
        version=found.generation,
        stored=found.stored,
        problem=None if found.size else Problem.DAMAGED.of("is empty"),
    )
