"""What a scan found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Noted:
    """A file of which something must be said; `image` is None when it is no image's."""

    image: str | None
    uri: str
    problem: str


@dataclass(frozen=True, slots=True)
class Changed:
    """An image whose bytes are other ones than were recorded at the place; checksums each.

    `mended` tells that something was wrong with the earlier ones and nothing is with these.
    """

    image: str
    uri: str
    was: str
    now: str
    mended: bool


@dataclass(frozen=True, slots=True)
class Differing:
    """An image whose whole replicas do not have the same bytes: each with what is known of them."""

    image: str
    replicas: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Twice:
    """An image with several files of one kind in the places."""

    image: str
    uris: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan found; `size` is in bytes, all tuples are in order of the images or the URIs.

    `images` counts those of the dataset, `found` those of them that are there, `files` their files:
    `new`, `unchanged` or `changed`. `read` of them, `size` bytes, were read, and of `fingerprints`
    images it was recorded how they look. `damaged` files are cut off or broken, or could not be
    read; `resized` ones have not the dataset's width and height; `gone` ones were recorded and are
    there no longer; `strangers` have the name of an image and are none of the dataset. `missing`
    images are in none of the places; `missing_names` has the first of them, or all.
    """

    dataset: str
    places: tuple[str, ...]
    images: int
    found: int
    files: int
    new: int
    unchanged: int
    read: int
    size: int
    fingerprints: int
    changed: tuple[Changed, ...]
    damaged: tuple[Noted, ...]
    resized: tuple[Noted, ...]
    differing: tuple[Differing, ...]
    twice: tuple[Twice, ...]
    gone: tuple[Noted, ...]
    strangers: tuple[str, ...]
    missing: int
    missing_names: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether no image that is there is damaged, resized, changed or unlike its replicas."""
        spoilt = [each for each in self.changed if not each.mended]
        return not (self.damaged or self.resized or self.differing or spoilt)
