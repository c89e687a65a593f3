"""Which DICOM instance each image is, as far as the catalog knows, and what tells it otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session

from ..schemas.tables import Dataset, Image, Replica, key_of
from . import images
from .dicom import Uids
from .index import DatasetIndex
from .matching import facts_of

if TYPE_CHECKING:
    from ..schemas.descriptor import Descriptor
    from .store import Store

_IMAGE: sa.Table = Image.__table__  # type: ignore[attr-defined]
_REPLICA: sa.Table = Replica.__table__  # type: ignore[attr-defined]
_BATCH = 500  # names a statement


class Instances:
    """The instances of a release's images; every call reads the catalog anew."""

    def __init__(self, store: Store, dataset: Dataset, descriptor: Descriptor) -> None:
        self._store, self._dataset = store, dataset
        self._labels = descriptor.version_of(dataset.version).table.labels
        self.spellings: Mapping[str, str] = descriptor.vocabulary.spellings()

    def known(self, names: Collection[str]) -> dict[str, list[Uids]]:
        """Return the UIDs under which each image was seen, the newest first.

        Those that were seen as two images, as when files were named wrongly, are left out.
        """
        query = (
            sa.select(_IMAGE.c.name, _REPLICA.c.study, _REPLICA.c.series, _REPLICA.c.instance)
            .join(
                _REPLICA,
                (_REPLICA.c.dataset_id == _IMAGE.c.dataset_id)
                & (_REPLICA.c.ordinal == _IMAGE.c.ordinal),
            )
            .where(_IMAGE.c.dataset_id == key_of(self._dataset))
            .where(_REPLICA.c.study.is_not(None), _REPLICA.c.series.is_not(None))
            .where(_REPLICA.c.instance.is_not(None))
            .order_by(_REPLICA.c.at.desc(), _REPLICA.c.uri)
        )
        with self._store.reading() as session:
            rows = session.connection().execute(query).all()
        owners: dict[str, set[str]] = {}
        for name, _, _, instance in rows:
            owners.setdefault(instance, set()).add(name)
        wanted = set(names)
        found: dict[str, list[Uids]] = {}
        for name, *uids in rows:
            if name in wanted and len(owners[uids[2]]) == 1:
                known = found.setdefault(name, [])
                if Uids(*uids) not in known:
                    known.append(Uids(*uids))
        return found

    def of_patients(self, names: Collection[str]) -> list[dict[str, Any]]:
        """Return the facts of all images of the patients whose images are named.

        They are what `matching.match` compares; an image can be told from its patient's others
        alone.
        """
        with self._store.reading() as session:
            index = DatasetIndex(session, self._dataset)
            ranks = index.patients.ranks
            theirs = ranks[np.array(self._ordinals(session, names), dtype=np.int64)]
            members = BitMap(np.flatnonzero(np.isin(ranks, theirs)).tolist())
            return list(
                facts_of(images.iterate(session, self._dataset, index, members, self._labels))
            )

    def _ordinals(self, session: Session, names: Collection[str]) -> list[int]:
        every = list(names)
        found: list[int] = []
        for start in range(0, len(every), _BATCH):
            query = sa.select(_IMAGE.c.ordinal).where(
                _IMAGE.c.dataset_id == key_of(self._dataset),
                _IMAGE.c.name.in_(every[start : start + _BATCH]),
            )
            found += session.connection().execute(query).scalars()
        return found
