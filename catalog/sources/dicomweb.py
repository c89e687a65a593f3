"""Images in a DICOMweb server, as instances that are told by UID, by name, or by what they say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ...schemas.checksum import Checksum
from ...schemas.descriptor import Fact, SourceSpec
from ...schemas.errors import InputError, SourceError
from ..dicom import Uids, check_instance, library
from ..dicomweb import GOOGLE, LARGEST_INSTANCE, Server
from ..matching import match
from ..progress import Progress
from .base import Found, Receiver
from .cost import Meter

if TYPE_CHECKING:
    from ..instances import Instances
    from . import Access

NAMING: dict[str, Fact] = {
    "AccessionNumber": "stem",
    "PatientID": "stem",
    "StudyID": "stem",
    "StudyDescription": "stem",
    "SeriesDescription": "stem",
}
"""Where converters put the name of a file: what a server without a description is asked for."""

Rows = dict[Uids, dict[str, Any]]


class DicomWeb:
    """A DICOMweb server; see `base.Source`.

    An image is found, in this order: by the UIDs that the catalog has recorded for it; by an
    attribute that holds its name or stem; by the attributes of the source's description, where
    exactly one instance and exactly one image of a patient share them. What cannot be told for
    certain is left out, and `remark` says how much that is.
    """

    media_type = "application/dicom"
    remote = True
    threads = 8
    paid_by: str | None = None

    def __init__(
        self,
        spec: SourceSpec,
        place: str | None,
        access: Access,
        instances: Instances | None = None,
    ) -> None:
        self.spec: SourceSpec | None = spec
        self.slug = spec.slug
        self.place = (place or spec.uri).rstrip("/")
        self.remark = ""
        self._attributes = spec.attributes or NAMING
        for keyword in self._attributes:
            if library().datadict.tag_for_keyword(keyword) is None:
                raise InputError(
                    f"the source {spec.slug}: 'attributes' names {keyword!r}, which is no DICOM "
                    "keyword"
                )
        self._instances = instances
        self._meter = Meter(access.limits.max_bytes)
        self._hits: dict[str, int] = {}
        form = spec.access if place is None or f"//{GOOGLE}/" in place else None
        self._server = Server(self.place, self.threads, form, access.billing_project)

    def find(self, names: Sequence[str], progress: Progress) -> Mapping[str, Found]:
        """Return the instance of each image."""
        self.remark = ""
        images, rows = self._of_patients(names, progress)
        known = self._instances.known(names) if self._instances else {}
        found = _recorded(known, rows)
        rest = {uids for name in names if name not in found for uids in known.get(name, ())}
        found |= _recorded(known, self._by_uids(rest, progress))
        rest_names = [name for name in names if name not in found]
        rows |= self._by_name(rest_names, progress)
        if rest_names and rows:
            found |= self._matched(set(rest_names), images, rows, found)
        return {
            name: Found(self._server.address(found[name]), None) for name in names if name in found
        }

    def bring(self, name: str, found: Found, target: str, link: bool) -> tuple[int, Checksum]:  # noqa: ARG002
        """Fetch an instance as it is stored, and check that it is this one and whole."""
        *_, study, _, series, _, instance = found.address.split("/")
        uids = Uids(study, series, instance)
        with Receiver(target, self.media_type, found.address) as receiver:

            def take(block: bytes) -> None:
                self._meter.add(len(block))
                if receiver.size + len(block) > LARGEST_INSTANCE:
                    raise SourceError(
                        f"{found.address}: more than {LARGEST_INSTANCE:,} bytes come, which is no "
                        "image"
                    )
                receiver.write(block)

            self._server.fetch(uids, receiver.restart, take)
            check_instance(target, uids, found.address)
            return receiver.finish()

    def uri_of(self, found: Found) -> str:
        """Return the instance's URL."""
        return found.address

    def public_uri(self, name: str, found: Found) -> str | None:  # noqa: ARG002
        """Return the same: everybody with permission may ask the server."""
        return found.address

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def _keywords(self, *facts: Fact) -> list[str]:
        return [keyword for keyword, fact in self._attributes.items() if fact in facts]

    def _of_patients(
        self, names: Collection[str], progress: Progress
    ) -> tuple[list[dict[str, Any]], Rows]:
        """Return all images of the patients, where patients tell anything, and their instances."""
        keywords = self._keywords("patient")
        if self._instances is None or not keywords:
            return [{"name": name} for name in names], {}
        images = self._instances.of_patients(names)
        patients = sorted({str(each["patient"]) for each in images if each["patient"]})
        questions = [{keyword: patient} for patient in patients for keyword in keywords]
        return images, self._ask(questions, progress)

    def _by_uids(self, uids: Iterable[Uids], progress: Progress) -> Rows:
        """Return the instances that are here of those that the catalog knows."""
        questions = [
            {"StudyInstanceUID": each.study, "SOPInstanceUID": each.instance}
            for each in sorted(uids)
        ]
        return self._ask(questions, progress)

    def _by_name(self, names: Collection[str], progress: Progress) -> Rows:
        """Return the instances that say an image's name or stem."""
        keywords = self._keywords("name", "stem")
        if not keywords:
            return {}

        def ask(name: str) -> Rows:
            # What has answered most often is asked for first.
            for keyword in sorted(keywords, key=lambda each: -self._hits.get(each, 0)):
                said = name if self._attributes[keyword] == "name" else name.rsplit(".", 1)[0]
                rows = self._server.search({keyword: said}, list(self._attributes))
                if rows:
                    self._hits[keyword] = self._hits.get(keyword, 0) + 1
                    others = dict.fromkeys(each for each in keywords if each != keyword)
                    return {uids: {**row, **others} for uids, row in rows.items()}
            return {}

        found: Rows = {}
        with (
            progress.task("asking for names", len(names), "files") as advance,
            ThreadPoolExecutor(self.threads, thread_name_prefix="asking") as pool,
        ):
            for rows in pool.map(ask, names):
                found |= rows
                advance(1)
        return found

    def _ask(self, questions: Sequence[Mapping[str, str]], progress: Progress) -> Rows:
        """Return all instances that any of the questions finds."""
        found: Rows = {}
        if not questions:
            return found

        def ask(question: Mapping[str, str]) -> Rows:
            return self._server.search(question, list(self._attributes))

        with (
            progress.task("asking the server", len(questions), "files") as advance,
            ThreadPoolExecutor(self.threads, thread_name_prefix="asking") as pool,
        ):
            for rows in pool.map(ask, questions):
                found |= rows
                advance(1)
        return found

    def _matched(
        self,
        wanted: set[str],
        images: Iterable[Mapping[str, Any]],
        rows: Rows,
        found: Mapping[str, Uids],
    ) -> dict[str, Uids]:
        """Return what the other instances are, by what they say; note what cannot be told."""
        taken = set(found.values())
        spellings = self._instances.spellings if self._instances else {}
        matches = match(
            [{**row, "": uids} for uids, row in rows.items() if uids not in taken],
            [image for image in images if image["name"] not in found],
            self._attributes,
            spellings,
        )
        told: dict[str, Uids] = {name: row[""] for row, name in matches.matched if name in wanted}
        if len(told) < len(wanted) and (matches.ambiguous or matches.unknown):
            self.remark = (
                f"of the instances there, {len(matches.ambiguous):,} cannot be told apart by what "
                f"they say and {len(matches.unknown):,} fit no image; 'cxrcat scan' of the DICOM "
                "files, or an export from gcs-dicom, teaches the catalog their UIDs"
            )
        return told


def _recorded(known: Mapping[str, Iterable[Uids]], rows: Rows) -> dict[str, Uids]:
    """Return the images whose recorded instances are among the rows."""
    here = {name: [uids for uids in every if uids in rows] for name, every in known.items()}
    return {name: uids[0] for name, uids in here.items() if uids}
