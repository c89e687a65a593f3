"""Write a slice into a bucket: images by the store's own rewrite, then papers, the manifest last.

No byte of an image passes this machine. A reader who waits for provenance.json never sees half a
slice, since it is written when all else is there.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...schemas.checksum import Checksum
from ...schemas.errors import SourceError, UsageError
from ...schemas.manifest import Provenance
from .. import cloud, exports, replicas
from ..bitmaps import load
from ..progress import SILENT, Progress
from ..settings import Settings
from ..sources import Found, Transferred, file_of, open_source
from ..sources.gcs import Bucket
from ..store import Store
from .fetch import agree
from .plan import MANIFEST, Plan, Request, check_mode, plan_images
from .run import make_facts, make_row, read_cut
from .sign import sign
from .transfer import ImageMode
from .write import IMAGES, write_slice

if TYPE_CHECKING:
    from google.cloud.storage import Blob
    from google.cloud.storage import Bucket as CloudBucket

_THREADS = 8


def export_to_bucket(
    store: Store, settings: Settings, request: Request, place: str, progress: Progress = SILENT
) -> Provenance:
    """Write a subset to ``gs://BUCKET/PREFIX`` with everything that it owes, and record it.

    The images must be in Cloud Storage too. A run that broke off is gone on with. Raises
    `UsageError` when something else is there, and `SourceError` when the store fails.
    """
    if request.project is not None:
        exports.check_project(request.project)
    if request.mode is ImageMode.HARDLINK:
        raise UsageError(f"{place}: nothing can be linked there; export with --images copy")
    if request.replace:
        raise UsageError(f"{place}: --force is for folders; choose another prefix")
    check_mode(request)
    if request.sign is not None and request.source is not None:
        raise UsageError(
            f"{place}: the store copies the images and nobody reads them here, so they cannot be "
            "signed; export to a folder, or without --images"
        )
    cut, names = read_cut(store, request)
    if request.bag:
        raise UsageError(f"{place}: a bag is written to a folder; leave out --profile bagit")
    bucket, prefix = _bucket_of(place)
    target = _Target(bucket, prefix, request.access.billing_project)
    facts = make_facts(settings, request)
    source: Bucket | None = None
    if request.source is not None:
        opened = open_source(str(request.source), cut.descriptor, request.access)
        if not isinstance(opened, Bucket):
            opened.close()
            raise UsageError(
                f"{opened.place}: only images in Cloud Storage go from bucket to bucket; "
                "choose --from gcs-png, gcs-dicom or gs://BUCKET/PREFIX"
            )
        source = opened
    with cloud.plain_errors(target.place), tempfile.TemporaryDirectory() as scratch:
        mode = ImageMode.NONE if source is None else ImageMode.REWRITE
        plan = plan_images(Plan(Path(), mode, {}, []), request, names, source, progress)
        target.check(file_of(name, source.media_type) for name in names if source)
        brought: dict[str, Transferred] = {}
        if source is not None:
            agree(source, plan.found, request)
            with store.reading() as session:
                rows = map(
                    replicas.Known._make, replicas.under(session, cut.dataset, [source.place])
                )
                known = {row.uri: row.checksum for row in rows if row.checksum}
            brought = _rewrite(source, target, plan.found, known, progress)
        folder = Path(scratch)
        manifest, checksum = write_slice(store, folder, cut, facts, plan, source, brought)
        if request.sign is not None:
            sign(folder, request.sign, progress)
        row = make_row(manifest, target.place, plan, source, cut.subset, checksum)
        with store.writing() as session:
            exports.prepare(session, row, facts.project)
        papers = [path for path in folder.rglob("*") if path.is_file()]
        for path in sorted(papers, key=lambda path: path.name == MANIFEST):
            target.upload(path, path.relative_to(folder).as_posix())
    with store.writing() as session:
        exports.settle(session, facts.id, exports.PUBLISHED, facts.by)
        if source is not None:
            seen = _seen(names, load(cut.subset.members), source, brought)
            replicas.record(session, cut.dataset, source.slug, seen)
    return manifest


class _Target:
    """The place in a bucket that a slice is written to."""

    def __init__(self, bucket: str, prefix: str, billing_project: str | None) -> None:
        self.place = f"gs://{bucket}/{prefix}".rstrip("/")
        self._prefix = f"{prefix.rstrip('/')}/" if prefix else ""
        self._client = cloud.client()
        self.bucket: CloudBucket = self._client.bucket(bucket, user_project=billing_project)
        self.retry = cloud.retry()

    def check(self, files: Iterable[str]) -> None:
        """Raise `UsageError` unless nothing is here, or what a run that broke off has left."""
        own = {f"{self._prefix}{IMAGES}/{file}" for file in files}
        options = {"retry": self.retry, "timeout": cloud.TIMEOUT}
        for blob in self._client.list_blobs(self.bucket, prefix=self._prefix, **options):
            if blob.name == self._prefix + MANIFEST:
                raise UsageError(f"{self.place}: a slice is there already; choose another prefix")
            if blob.name not in own and not self._is_paper(blob.name):
                raise UsageError(
                    f"gs://{self.bucket.name}/{blob.name}: was not written by such an export; "
                    "choose another prefix"
                )

    def _is_paper(self, name: str) -> bool:
        rest = name.removeprefix(self._prefix)
        return not rest.startswith(f"{IMAGES}/") and rest.rpartition(".")[2] in _SUFFIXES

    def blob(self, path: str) -> Blob:
        """Return the object of a file of the slice."""
        return self.bucket.blob(self._prefix + path)

    def upload(self, path: Path, name: str) -> None:
        """Write a paper; the manifest only where none is, so that two runs cannot both end."""
        generation = 0 if name == MANIFEST else None
        self.blob(name).upload_from_filename(
            str(path),
            checksum="crc32c",
            if_generation_match=generation,
            retry=self.retry,
            timeout=cloud.TIMEOUT,
        )


_SUFFIXES = {"md", "csv", "json", "cff", "bib", "ris", "txt", "xxh128", "sha256", "sig"}


def _bucket_of(place: str) -> tuple[str, str]:
    bucket, prefix = cloud.split_uri(place)
    if any(part in ("", ".", "..") for part in prefix.strip("/").split("/")) and prefix.strip("/"):
        raise UsageError(f"{place[:200]!r} has an empty part or dots; write gs://BUCKET/PREFIX")
    return bucket, prefix.strip("/")


def _rewrite(
    source: Bucket,
    target: _Target,
    found: Mapping[str, Found],
    known: Mapping[str, str],
    progress: Progress,
) -> dict[str, Transferred]:
    """Have the store copy the images; return each with the best checksum that is known of it."""

    def one(pair: tuple[str, Found]) -> Transferred:
        name, each = pair
        file = file_of(name, source.media_type)
        blob = target.blob(f"{IMAGES}/{file}")
        with cloud.plain_errors(source.uri_of(each)):
            if not _is_there(blob, each, target):
                _copy(source.blob_of(name, each), blob, target)
                if not _is_there(blob, each, target):
                    raise SourceError(
                        f"gs://{target.bucket.name}/{blob.name}: the store says that its copy is "
                        f"not what {source.uri_of(each)} is; try again later"
                    )
        checksum = known.get(source.uri_of(each)) or str(each.stored)
        return Transferred(name, file, each, each.size or 0, Checksum.parse(checksum))

    brought = {}
    total = sum(each.size or 0 for each in found.values())
    with (
        progress.task("rewriting", total, "bytes") as advance,
        ThreadPoolExecutor(_THREADS, thread_name_prefix="rewrite") as pool,
    ):
        try:
            for each in pool.map(one, found.items()):
                brought[each.name] = each
                advance(each.size)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return brought


def _copy(origin: Blob, blob: Blob, target: _Target) -> None:
    token = None
    while True:  # a large object takes several calls
        token, _, _ = blob.rewrite(origin, token=token, retry=target.retry, timeout=cloud.TIMEOUT)
        if token is None:
            return


def _is_there(blob: Blob, wanted: Found, target: _Target) -> bool:
    """Tell whether an object has the size and the CRC32C that are wanted."""
    here: Any = target.bucket.get_blob(blob.name, retry=target.retry, timeout=cloud.TIMEOUT)
    if here is None or here.size != wanted.size or not here.crc32c:
        return False
    return f"crc32c:{base64.b64decode(here.crc32c).hex()}" == wanted.stored


def _seen(
    names: list[str], members: Iterable[int], source: Bucket, brought: Mapping[str, Transferred]
) -> Iterable[replicas.Seen]:
    for ordinal, name in zip(members, names, strict=True):
        if name in brought:
            each = brought[name]
            read = each.checksum.algorithm == "xxh128"
            yield replicas.Seen(
                ordinal=ordinal,
                uri=source.uri_of(each.found),
                size=each.size,
                checksum=str(each.checksum) if read else None,
                version=each.found.version,
                stored=each.found.stored,
            )
