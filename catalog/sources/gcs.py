"""Images in a bucket of Google Cloud Storage, each pinned to the generation that was listed."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ...schemas.checksum import Checksum
from ...schemas.descriptor import SourceSpec
from ...schemas.errors import SourceError
from .. import cloud
from ..progress import Progress
from .base import Found, Receiver
from .cost import Meter

if TYPE_CHECKING:
    from google.cloud.storage import Blob

    from . import Access

_LISTED = 500  # images from which on the bucket is listed instead of asked for each
_FIELDS = "items(name,size,generation,crc32c),nextPageToken"
_ATTEMPTS = 3  # at an object whose bytes are not those that the store has
_WHOLE = 8 << 20  # bytes up to which an object is read at once


class Bucket:
    """A bucket, and the object of each image in it; see `base.Source`."""

    remote = True
    threads = 8
    remark = ""

    def __init__(self, spec: SourceSpec, place: str | None, access: Access) -> None:
        self.spec: SourceSpec | None = spec
        self.slug = spec.slug
        self.media_type: str = spec.media_type or "image/png"
        template = spec.uri if place is None else _template(place, self.media_type)
        self.place = template.partition("{")[0]
        self._spec = spec.model_copy(update={"uri": template})
        self._public = spec.uri == template
        self.paid_by = access.billing_project
        if spec.requester_pays and place is None and not self.paid_by:
            raise SourceError(
                f"{self.place}: its owner lets requesters pay; name your Google Cloud project with "
                "--billing-project PROJECT or CXRCAT_BILLING_PROJECT; nothing was fetched"
            )
        self._meter = Meter(access.limits.max_bytes)
        self._client = cloud.client()
        self._bucket = self._client.bucket(
            cloud.split_uri(template)[0], user_project=access.billing_project
        )
        self._retry = cloud.retry()

    def find(self, names: Sequence[str], progress: Progress) -> Mapping[str, Found]:
        """Return the object of each image, with its generation and the store's CRC32C."""
        objects = {self._object_of(name): name for name in names}
        found: dict[str, Found] = {}
        with (
            cloud.plain_errors(self.place),
            progress.task("asking the store", len(objects), "files") as advance,
        ):
            for blob in self._listed(objects) if len(objects) > _LISTED else self._asked(objects):
                if blob.name in objects:
                    found[objects[blob.name]] = _found(self._bucket.name, blob)
                    advance(1)
        return found

    def bring(self, name: str, found: Found, target: str, link: bool) -> tuple[int, Checksum]:  # noqa: ARG002
        """Fetch an object of the generation that was listed, and compare its CRC32C."""
        import google_crc32c

        blob = self.blob_of(name, found)
        with Receiver(target, self.media_type, found.address) as receiver:
            for attempt in range(_ATTEMPTS):
                if attempt:
                    receiver.restart()
                crc32c: Any = google_crc32c.Checksum()  # type: ignore[no-untyped-call]
                sink = _Sink(receiver, crc32c, self._meter, found)
                with cloud.plain_errors(f"{found.address}#{found.version}"):
                    blob.download_to_file(
                        sink,
                        raw_download=True,
                        checksum=None,  # which the library skips after a resumed transfer
                        single_shot_download=(found.size or 0) <= _WHOLE,
                        retry=self._retry,
                        timeout=cloud.TIMEOUT,
                    )
                if found.stored == f"crc32c:{crc32c.hexdigest().decode()}":
                    return receiver.finish(found.size)
        raise SourceError(
            f"{found.address}#{found.version}: the bytes that came are not those that the store "
            f"has, {_ATTEMPTS} times; something between here and there changes them"
        )

    def uri_of(self, found: Found) -> str:
        """Return the object's address with its generation, as Google's own tools write it."""
        return f"{found.address}#{found.version}"

    def public_uri(self, name: str, found: Found) -> str | None:  # noqa: ARG002
        """Return the same, but None for a bucket of the user's own that stands for the owner's."""
        return self.uri_of(found) if self._public else None

    def blob_of(self, name: str, found: Found) -> Blob:
        """Return the object of an image, of the generation that was listed."""
        return self._bucket.blob(self._object_of(name), generation=int(found.version or 0))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _object_of(self, name: str) -> str:
        return cloud.split_uri(self._spec.uri_of(name))[1]

    def _listed(self, objects: Mapping[str, str]) -> Iterable[Any]:
        found: Iterable[Any] = self._client.list_blobs(
            self._bucket,
            prefix=cloud.split_uri(self.place)[1],
            start_offset=min(objects),
            end_offset=max(objects) + "\0",
            fields=_FIELDS,
            retry=self._retry,
            timeout=cloud.TIMEOUT,
        )
        return found

    def _asked(self, objects: Mapping[str, str]) -> Iterable[Any]:
        def ask(name: str) -> Any:
            return self._bucket.get_blob(name, retry=self._retry, timeout=cloud.TIMEOUT)

        with ThreadPoolExecutor(self.threads, thread_name_prefix="asking") as pool:
            yield from (blob for blob in pool.map(ask, objects) if blob is not None)


class _Sink:
    """The binary file that the library writes an object to."""

    def __init__(self, receiver: Receiver, crc32c: Any, meter: Meter, found: Found) -> None:
        self._receiver, self._crc32c = receiver, crc32c
        self._meter, self._found = meter, found

    def write(self, data: bytes) -> int:
        """Take the next bytes."""
        self._meter.add(len(data))
        if self._receiver.size + len(data) > (self._found.size or 0):
            raise SourceError(f"{self._found.address}: more bytes come than the store announced")
        self._crc32c.update(data)
        return self._receiver.write(data)


def _template(place: str, media_type: str) -> str:
    """Return the address of each image in another place than the descriptor's."""
    if "{" in place:
        return place
    return f"{place.rstrip('/')}/" + (
        "{stem}.dcm" if media_type == "application/dicom" else "{name}"
    )


def _found(bucket: str, blob: Any) -> Found:
    if blob.size is None or blob.generation is None or not blob.crc32c:
        raise SourceError(f"gs://{bucket}/{blob.name}: the store tells no size or no checksum")
    return Found(
        address=f"gs://{bucket}/{blob.name}",
        size=int(blob.size),
        version=str(blob.generation),
        stored=f"crc32c:{base64.b64decode(blob.crc32c).hex()}",
    )
