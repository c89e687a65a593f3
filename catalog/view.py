"""All that the catalog knows of one image, and the image as a picture."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from pyroaring import BitMap
from sqlmodel import Session, col, select

from ..schemas.descriptor import Descriptor
from ..schemas.errors import InputError, SourceError, UsageError
from ..schemas.tables import Dataset, Facet, Finding, LabelSet, Subset, Withdrawal
from . import boxes, datasets, images, replicas
from .bitmaps import load
from .boxes import BoxRow
from .checksums import of_bytes
from .duties import Owed, Used, gather
from .export.staging import write_file
from .images import ImageRow
from .index import DatasetIndex
from .instances import Instances
from .progress import SILENT, Progress
from .replicas import ReplicaInfo
from .sources import Access, file_of, open_source
from .sources.cost import Estimate, check, estimate
from .sources.folder import Folder, find_images
from .store import Store

_FILE = "file://"
_IN_ARCHIVE = "#"


@dataclass(frozen=True, slots=True)
class Said:
    """What a label set says of an image: the findings that are present, absent and uncertain."""

    labels: str
    title: str
    states: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ImageView:
    """An image: its row, what is said of it, its boxes, where it is used, and where it is.

    `subsets` are versions that hold it, `viewers` pages (title, URL) where the dataset can be
    looked at, `withdrawn` the reason why it must no longer be used.
    """

    dataset: str
    dataset_version: str
    row: ImageRow
    split: tuple[str, ...]
    labels: tuple[Said, ...]
    boxes: tuple[BoxRow, ...]
    subsets: tuple[str, ...]
    withdrawn: str | None
    replicas: tuple[ReplicaInfo, ...]
    viewers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture to save: of which image, where, and from which source.

    `source` None means a local file that is on record and whose bytes are still those. `agree` is
    asked before a transfer that somebody is billed for.
    """

    image: str
    path: Path
    dataset: str | None = None
    source: str | None = None
    access: Access = field(default_factory=Access)
    agree: Callable[[Estimate], bool] | None = None
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Saved:
    """A picture that was saved, what it was drawn from, and the duties that its use owes."""

    path: str
    drawn_from: str
    duties: tuple[str, ...]


def view(session: Session, name: str, dataset_name: str | None) -> ImageView:
    """Return all that is known of an image; raise `NotFoundError` when there is no such image."""
    dataset = datasets.find(session, dataset_name)
    descriptor = datasets.full_descriptor(session, dataset)
    places = replicas.of_image(session, dataset, name)
    row = _row(session, dataset, descriptor, name)
    only = BitMap([row.ordinal])
    query = select(Facet.value, Facet.members).where(
        Facet.dataset_id == dataset.id, Facet.field == "split"
    )
    split = [part for part, members in session.exec(query) if part and row.ordinal in load(members)]
    reason = select(Withdrawal.reason).where(
        Withdrawal.dataset_id == dataset.id, Withdrawal.ordinal == row.ordinal
    )
    return ImageView(
        dataset=dataset.slug,
        dataset_version=dataset.version,
        row=row,
        split=tuple(sorted(split)),
        labels=tuple(_labels(session, dataset, row.ordinal)),
        boxes=tuple(boxes.listing(session, dataset, descriptor, only)),
        subsets=tuple(_subsets(session, dataset, row.ordinal)),
        withdrawn=session.exec(reason).first(),
        replicas=tuple(places),
        viewers=tuple((each.title, each.url) for each in descriptor.viewers),
    )


def _row(session: Session, dataset: Dataset, descriptor: Descriptor, name: str) -> ImageRow:
    labels = descriptor.version_of(dataset.version).table.labels
    index = DatasetIndex(session, dataset)
    (row,) = images.iterate(session, dataset, index, index.one_of("name", [name]), labels)
    return row


def _labels(session: Session, dataset: Dataset, ordinal: int) -> Iterator[Said]:
    sets = select(LabelSet.id, LabelSet.slug, LabelSet.title).where(
        LabelSet.dataset_id == dataset.id,
        LabelSet.kind == "labels",
        col(LabelSet.slug).not_like("%@%"),  # whose place newer files have taken
    )
    for key, slug, title in session.exec(sets.order_by(col(LabelSet.id))).all():
        query = select(Finding.state, Finding.name, Finding.members)
        query = query.where(Finding.label_set_id == key)
        states: dict[str, list[str]] = {}
        for state, finding, members in session.exec(
            query.order_by(col(Finding.state).desc(), col(Finding.name))
        ):
            if ordinal in load(members):
                states.setdefault(state, []).append(finding)
        if states:
            yield Said(slug, title, {state: tuple(found) for state, found in states.items()})


def _subsets(session: Session, dataset: Dataset, ordinal: int) -> Iterator[str]:
    query = select(Subset.name, Subset.version, Subset.members)
    query = query.where(Subset.dataset_id == dataset.id)
    for name, version, members in session.exec(
        query.order_by(col(Subset.name), col(Subset.version))
    ):
        if ordinal in load(members):
            yield f"{name}@{version}"


def check_target(path: Path, replace: bool) -> None:
    """Raise `UsageError` when a picture cannot be written there, before anything is fetched."""
    if path.suffix.casefold() != ".png":
        raise UsageError(f"{path}: a picture's name ends in .png")
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: there is no such folder")
    if os.path.lexists(path) and not replace:
        raise UsageError(f"{path}: is there already; replace it with --force")


def save(store: Store, wanted: Wanted, progress: Progress = SILENT) -> Saved:
    """Draw an image with its boxes, and write it whole or not at all.

    The duties of its use stand in the file. Raises `NotFoundError` for an image that is not there,
    `InputError` for bytes that are no image, `UsageError` when nothing says where they are, and
    `SourceError` when a service or the disk fails.
    """
    from . import picture

    check_target(wanted.path, wanted.replace)
    with store.reading() as session:
        dataset = datasets.find(session, wanted.dataset)
        descriptor = datasets.full_descriptor(session, dataset)
        known = replicas.of_image(session, dataset, wanted.image)
        row = _row(session, dataset, descriptor, wanted.image)
        drawn = boxes.listing(session, dataset, descriptor, BitMap([row.ordinal]))
        drawers = boxes.sources(session, dataset, BitMap([row.ordinal]))
    instances = Instances(store, dataset, descriptor)
    with tempfile.TemporaryDirectory(prefix="cxrcat-") as folder:
        file = Path(folder) / "image"
        if wanted.source is None:
            place, used = _take_recorded(known, wanted.image, file), list[Used]()
        else:
            place, used = _bring(wanted, wanted.source, descriptor, instances, file, progress)
        used += [Used("boxes", slug, "its boxes are drawn") for slug in sorted(drawers)]
        owed = gather(descriptor, used)
        shown = picture.draw(
            picture.render(file, place),
            drawn,
            (descriptor.images.width, descriptor.images.height),
            {word.name: word.label for word in descriptor.vocabulary.words()},
        )
        data = picture.encode(
            shown,
            {
                "Title": wanted.image,
                "Source": f"{descriptor.title}, {dataset.version}",
                "Copyright": _words(owed),
            },
        )
    _write(wanted.path, data, wanted.replace)
    return Saved(str(wanted.path), place, tuple(duty.id for duty in owed.duties))


def _take_recorded(known: list[ReplicaInfo], name: str, file: Path) -> str:
    """Copy a local file of which the bytes are those on record; return its path."""
    from .picture import LARGEST_FILE

    for each in known:
        local = each.uri.startswith(_FILE) and _IN_ARCHIVE not in each.uri
        if not local or each.problem or not each.checksum:
            continue
        path = Path(os.fsdecode(unquote_to_bytes(each.uri.removeprefix(_FILE))))
        try:
            if not path.is_file() or path.stat().st_size > LARGEST_FILE:
                continue
            data = path.read_bytes()
        except OSError:
            continue
        if str(of_bytes(data)) == each.checksum:
            file.write_bytes(data)
            return str(path)
    raise UsageError(
        f"{name}: no file here is known to hold it as it was seen; say where it is with --from "
        "SOURCE, or let 'cxrcat scan DIR' find it"
    )


def _bring(
    wanted: Wanted,
    text: str,
    descriptor: Descriptor,
    instances: Instances,
    file: Path,
    progress: Progress,
) -> tuple[str, list[Used]]:
    """Bring the image from a source; return where it was, and the source if it is described."""
    name = wanted.image
    source = open_source(text, descriptor, wanted.access, instances)
    try:
        found = source.find([name], progress).get(name)
        if found is None and isinstance(source, Folder):
            stem = file_of(name, "application/dicom")
            lying = find_images(Path(text), [stem]).get(stem)
            if lying is not None:
                file.write_bytes(_read_capped(Path(lying.address)))
                return lying.address, []
        if found is None:
            remark = f"; {source.remark}" if source.remark else ""
            raise InputError(f"{name} is not in {source.place}{remark}")
        if source.paid_by:
            limits = wanted.access.limits
            prices = source.spec.prices if source.spec else None
            cost = estimate(source.place, [found], prices, limits, source.paid_by)
            check(cost, limits)
            if wanted.agree is None or not wanted.agree(cost):
                raise UsageError(f"{cost.words()}: not agreed to, so nothing was fetched")
        source.bring(name, found, str(file), link=False)
    finally:
        source.close()
    used = []
    if source.spec in descriptor.sources:
        used = [Used("source", source.slug, "the image was fetched from it")]
    return source.uri_of(found), used


def _read_capped(path: Path) -> bytes:
    from .picture import LARGEST_FILE

    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path}: has more bytes than any image is drawn from")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _words(owed: Owed) -> str:
    duties = (f"{duty.text} {duty.url or ''}".strip() for duty in owed.duties)
    works = (_cited(work.model_dump(by_alias=True)) for work in owed.citations)
    return " ".join([*duties, *works])


def _cited(work: dict[str, Any]) -> str:
    doi = f" https://doi.org/{work['DOI']}" if work.get("DOI") else ""
    return f"{work['title']}.{doi}"


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give the name of a new file on the same disk, which is not there any more at the end."""
    beside = path.with_name(f".cxrcat-{uuid.uuid4().hex}")
    try:
        yield beside
    finally:
        beside.unlink(missing_ok=True)


def _write(path: Path, data: bytes, replace: bool) -> None:
    try:
        with _beside(path) as beside:
            write_file(beside, data)
            if replace:
                beside.replace(path)
            else:
                os.link(beside, path)  # which, unlike renaming, never takes a file's place
    except FileExistsError as error:
        raise UsageError(f"{path}: is there already; replace it with --force") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be written: {error.strerror or error}") from error
