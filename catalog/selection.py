"""What is done to the answer of a question: one image a patient, a sample, a part of a split.

Each step states all that decides its outcome, so that the same steps on the same images give the
same subset everywhere. The lots of two kinds of steps are independent, and so are those of a step
on what an earlier one of its kind drew: else a sample of 200 patients would all fall into the first
part of a split with the same seed. `level` counts those earlier ones (`lineage.level`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from ..schemas.errors import InputError, UsageError
from .bitmaps import ordinals
from .lots import RANGE, By, Lots, shuffled, smallest

Which: TypeAlias = Literal["first", "last", "random"]


class Drawn(Protocol):
    """The dataset as a step needs it: arrays by ordinal, shape (images,)."""

    def lots(self, by: By) -> Lots:
        """Return the lot of each image, or of its patient."""
        ...

    def patient_ranks(self) -> npt.NDArray[np.uint32]:
        """Return a number for the patient of each image."""
        ...

    def visits(self) -> npt.NDArray[np.int64]:
        """Return the follow-up number of each image, -1 where it is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class OnePerPatient:
    """Keep one image a patient: the first or the last follow-up, or one by lot.

    Images of one follow-up go by their names.
    """

    which: Which
    seed: int = 0
    level: int | None = None

    def apply(self, index: Drawn, members: BitMap) -> BitMap:
        """Return the images that are kept."""
        chosen = _array(members)
        patients = index.patient_ranks()[chosen]
        if self.which == "random":
            lots = shuffled(index.lots("image")[chosen], _key(self))
            order = np.lexsort((chosen, lots, patients))
        else:
            order = np.lexsort((chosen, index.visits()[chosen], patients))
        if self.which == "last":
            order = order[::-1]
        _, first = np.unique(patients[order], return_index=True)
        return BitMap(chosen[order[first]])

    def words(self) -> str:
        """Return the step as the funnel shows it."""
        seed = f", {_seed(self)}" if self.which == "random" else ""
        return f"one image a patient: {self.which}{seed}"


@dataclass(frozen=True, slots=True)
class Sample:
    """Keep so many images, or all images of so many patients, by lot."""

    count: int
    by: By = "image"
    seed: int = 0
    level: int | None = None

    def apply(self, index: Drawn, members: BitMap) -> BitMap:
        """Return the images that are kept; raise `UsageError` when there are too few."""
        chosen = _array(members)
        lots = index.lots(self.by)[chosen]
        if self.by == "image":
            _check_enough(self.count, len(chosen), "images")
            return BitMap(chosen[smallest(shuffled(lots, _key(self)), self.count)])
        patients, first, place = np.unique(
            index.patient_ranks()[chosen], return_index=True, return_inverse=True
        )
        _check_enough(self.count, len(patients), "patients")
        kept = np.zeros(len(patients), dtype=bool)
        kept[smallest(shuffled(lots[first], _key(self)), self.count)] = True
        return BitMap(chosen[kept[place]])

    def words(self) -> str:
        """Return the step as the funnel shows it."""
        return f"sample of {self.count:,} {self.by}s, {_seed(self)}"


@dataclass(frozen=True, slots=True)
class Part:
    """Keep one part of a split. `into` has the parts in order, with their shares as written.

    A lot below the first share belongs to the first part, and so on, so that no image or patient
    ever changes its part while seed and draw stay. `stratify` names what `draw` was chosen for.
    """

    part: str
    into: tuple[tuple[str, str], ...]
    by: By = "patient"
    stratify: str | None = None
    seed: int = 0
    draw: int = 0
    level: int | None = None

    def apply(self, index: Drawn, members: BitMap) -> BitMap:
        """Return the images of the part."""
        chosen = _array(members)
        place = [name for name, _ in self.into].index(self.part)
        return BitMap(chosen[self.places(index.lots(self.by)[chosen]) == place])

    def places(self, lots: Lots) -> npt.NDArray[np.intp]:
        """Return the place of each lot's part among the parts; the last one takes what is left."""
        drawn = shuffled(lots, f"{_key(self)}:{self.draw}")
        return np.searchsorted(ends(self.into), drawn, side="right")

    def words(self) -> str:
        """Return the step as the funnel shows it."""
        shares = ", ".join(f"{name}={share}" for name, share in self.into)
        return f"part {self.part} of {shares} by {self.by}, {_seed(self)}, draw {self.draw}"


@dataclass(frozen=True, slots=True)
class Listed:
    """Keep the images whose names a file lists; `checksum` is that of the names, one a line."""

    source: str
    names: int
    checksum: str

    def words(self) -> str:
        """Return the step as the funnel shows it."""
        return f"listed in {self.source}"


@dataclass(frozen=True, slots=True)
class Answered:
    """Keep the images that a table elsewhere gave for the question, which is not asked again.

    Of its `rows`, `left_out` are none of the dataset's images that is known; `checksum` is that of
    the names of the others, one a line.
    """

    engine: str
    table: str
    rows: int
    left_out: int
    checksum: str

    def words(self) -> str:
        """Return the step as the funnel shows it."""
        others = f", {self.left_out:,} of its {self.rows:,} rows left out" if self.left_out else ""
        return f"answered by {self.engine}:{self.table}{others}"


Step: TypeAlias = OnePerPatient | Sample | Part | Listed | Answered

KINDS: dict[str, type[Step]] = {
    "answer": Answered,
    "list": Listed,
    "one_per_patient": OnePerPatient,
    "part": Part,
    "sample": Sample,
}


def kind_of(step: Step) -> str:
    """Return the name of a step's kind, as it is recorded."""
    (kind,) = (name for name, each in KINDS.items() if each is type(step))
    return kind


def dump(step: Step) -> dict[str, Any]:
    """Return a step as it is recorded."""
    kind, facts = kind_of(step), asdict(step)
    if isinstance(step, Part):
        facts["into"] = [list(pair) for pair in step.into]
    return {"kind": kind, **facts}


def load(recorded: Mapping[str, Any]) -> Step:
    """Return a step from its record."""
    facts = dict(recorded)
    kind = KINDS[facts.pop("kind")]
    if kind is Part:
        facts["into"] = tuple((str(name), str(share)) for name, share in facts["into"])
    return kind(**facts)


def read_shares(text: str) -> tuple[tuple[str, str], ...]:
    """Return the parts of ``train=0.7,val=0.1,test=0.2``; raise `InputError` for anything else."""
    pairs = [part.strip().partition("=") for part in text.split(",")]
    parts = tuple((name.strip(), share.strip()) for name, _, share in pairs)
    for name, share in parts:
        value = _fraction(share)
        if not name or value is None or not 0 < value < 1:
            raise InputError(
                f"{text[:80]!r} is no split; write parts and their shares, as in "
                "train=0.7,val=0.1,test=0.2"
            )
    total = sum((Fraction(share) for _, share in parts), Fraction(0))
    if len({name for name, _ in parts}) < len(parts) or len(parts) < 2:
        raise InputError(f"{text[:80]!r} needs at least two parts, each named once")
    if abs(total - 1) > Fraction(1, 1000):
        raise InputError(f"the shares of {text[:80]!r} add up to {float(total):g}, not to 1")
    return parts


def ends(into: Sequence[tuple[str, str]]) -> Lots:
    """Return the lot at which each part but the last one ends."""
    found, total = [], Fraction(0)
    for _, share in into[:-1]:
        total += Fraction(share)
        found.append(min(int(total * RANGE), RANGE - 1))
    return np.array(found, dtype=np.uint64)


def _fraction(text: str) -> Fraction | None:
    try:
        return Fraction(text) if len(text) < 20 else None
    except (ValueError, ZeroDivisionError):
        return None


def _key(step: OnePerPatient | Sample | Part) -> str:
    return f"{kind_of(step)}:{step.level or 0}:{step.seed}"


def _seed(step: OnePerPatient | Sample | Part) -> str:
    return f"seed {step.seed}" + (f", level {step.level}" if step.level else "")


def _array(members: BitMap) -> npt.NDArray[np.uint32]:
    return np.frombuffer(ordinals(members), dtype=np.uint32)


def _check_enough(wanted: int, there: int, what: str) -> None:
    if wanted > there:
        raise UsageError(f"a sample of {wanted:,} {what} cannot be drawn from {there:,}")
