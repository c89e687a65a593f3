"""What was recognised of some files, as facts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .nearest import Share


class How(StrEnum):
    """What a file was recognised by: the image's own name, a name that holds it, bytes, pixels."""

    NAME = "name"
    LIKE = "like"
    CHECKSUM = "checksum"
    LOOK = "look"


@dataclass(frozen=True, slots=True)
class Match:
    """A file and the image that it is; `bits` is how far apart two looks are, of 256."""

    path: str
    image: str
    how: How
    bits: int | None = None


@dataclass(frozen=True, slots=True)
class Unsure:
    """A file that may be one of several images, of which two are named."""

    path: str
    images: tuple[str, ...]
    how: How


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A file whose bytes or pixels are those of another image than its name says."""

    path: str
    named: str
    image: str
    how: How


@dataclass(frozen=True, slots=True)
class Twice:
    """An image of which there are several files."""

    image: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """An export that has some of the images; `here` when it is what was asked about."""

    id: str
    project: str | None
    destination: str
    state: str
    here: bool
    share: Share


@dataclass(frozen=True, slots=True)
class Owes:
    """A duty that comes with the images, in the words of the owner, and what it cites."""

    id: str
    kind: str
    text: str
    url: str | None
    reference: str | None
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DatasetFound:
    """What was recognised of one dataset.

    `images` and `patients` are those that were recognised, of `of_images` in the release;
    `withdrawn` ones of them must no longer be used. `nearest` has the subsets that are nearest, the
    nearest first, `subsets` the number of all that share an image. `duties` are those of the subset
    `duties_of`, or of the dataset where no subset has exactly these images.
    """

    dataset: str
    title: str
    images: int
    of_images: int
    patients: int
    withdrawn: tuple[str, ...]
    files: dict[How, int]
    matches: tuple[Match, ...]
    unsure: tuple[Unsure, ...]
    twice: tuple[Twice, ...]
    contradictions: tuple[Contradiction, ...]
    subsets: int
    nearest: tuple[Share, ...]
    exports: tuple[Held, ...]
    projects: tuple[str, ...]
    duties_of: str | None
    duties: tuple[Owes, ...]

    @property
    def exact(self) -> Share | None:
        """The subset that has these images and no others, None when there is none."""
        return self.nearest[0] if self.nearest and self.nearest[0].exact else None


@dataclass(frozen=True, slots=True)
class Noticed:
    """A file, a folder or an archive that could not be read, and why."""

    path: str
    problem: str


@dataclass(frozen=True, slots=True)
class Identification:
    """What some places or lists of names hold.

    `files` counts the images that are there or named, `recognised` those of them that are some
    dataset's, `unsure` those that may be one of several, and `others` what is no image. `unknown`
    names the rest. `remarks` say what would tell more.
    """

    places: tuple[str, ...]
    files: int
    recognised: int
    unsure: int
    others: int
    datasets: tuple[DatasetFound, ...]
    unknown: tuple[str, ...]
    problems: tuple[Noticed, ...]
    remarks: tuple[str, ...]
