"""Whatever is changed in a signed export is found and named, with the key and without."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrcat.catalog import Catalog, ImageMode, Request
from cxrcat.catalog.checksums import of_file
from cxrcat.catalog.keys import PublicKey, make_pair, read_private, read_public
from cxrcat.catalog.signing import SIGNED, of_both
from cxrcat.catalog.verify import Signature, Verified, read_checksums, verify
from cxrcat.schemas.errors import CheckFailedError, InputError

from ..checks import check_export, names_with
from ..conftest import png

QUESTION = "hernia and age > 75 and view = 'PA'"


@dataclass(frozen=True)
class Home:
    """A signed export, the catalog that made it, and the key that it is checked with."""

    catalog: Catalog
    folder: Path
    public: Path

    @property
    def key(self) -> PublicKey:
        return read_public(self.public)

    def files(self) -> dict[str, Path]:
        every = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path for path in sorted(every)}


@pytest.fixture(scope="module")
def first(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    place = tmp_path_factory.mktemp("signed")
    (place / "images").mkdir()
    for number, name in enumerate(names_with("Hernia")):
        (place / "images" / name).write_bytes(png(seed=number))
    pair = make_pair(place / "ada")
    location = shutil.copy(template, place / "catalog.sqlite")
    with Catalog.open(location) as catalog:
        catalog.create_subset("some", QUESTION)
        request = Request(
            "some",
            place / "work" / "some",
            ImageMode.COPY,
            place / "images",
            sign=read_private(pair.private, str),
        )
        catalog.export(request)
        yield Home(catalog, place / "work" / "some", pair.public)


@pytest.fixture
def home(first: Home, tmp_path: Path) -> Home:
    """Return a copy of a signed export, to damage."""
    shutil.copytree(first.folder, tmp_path / "some")
    return Home(first.catalog, tmp_path / "some", first.public)


def flip(path: Path, place: int, mask: int) -> bytes:
    """Change one byte of a file; return what was there."""
    whole = path.read_bytes()
    path.write_bytes(whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :])
    return whole


def named(found: Verified) -> set[str]:
    return {*found.changed, *found.missing, *found.extra}


def test_a_signed_export_keeps_all_promises(first: Home) -> None:
    manifest = check_export(first.folder)
    assert manifest.export.signer == first.key.fingerprint
    found = first.catalog.verify(first.folder, signer=first.public)
    assert (found.ok, found.recorded, found.signature) == (True, True, Signature.VALID)
    assert found.signer == first.key.fingerprint
    listed = read_checksums(first.folder / "checksums.sha256", "sha256")
    assert set(listed) == first.files().keys() - SIGNED
    assert found.files == len(listed)
    assert manifest.images.files == sum(name.startswith("images/") for name in listed) > 30


def test_without_the_key_the_lists_are_checked_and_that_is_said(first: Home) -> None:
    found = first.catalog.verify(first.folder)
    assert (found.ok, found.signature, found.signer) == (True, Signature.UNCHECKED, None)


def test_a_thousand_changed_bytes_are_all_found_and_named(home: Home) -> None:
    draw = random.Random(1000)
    files = home.files()
    sizes = [path.stat().st_size for path in files.values()]
    hit = set()
    for name in draw.choices(list(files), weights=sizes, k=1000):
        path = files[name]
        whole = flip(path, draw.randrange(path.stat().st_size), draw.randrange(1, 256))
        found = home.catalog.verify(home.folder, signer=home.public)
        assert not found.ok
        assert named(found) == {name}
        assert found.changed == (name,)
        own = name in SIGNED
        assert found.signature is (Signature.INVALID if own else Signature.VALID)
        path.write_bytes(whole)
        hit.add(name)
    assert home.catalog.verify(home.folder, signer=home.public).ok
    assert {"checksums.sha256", "checksums.xxh128", "provenance.json", "metadata.csv"} <= hit
    assert any(name.startswith("images/") for name in hit)


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_every_byte_of_the_two_files(home: Home, name: str) -> None:
    path = home.files()[name]
    for place in range(0, path.stat().st_size, 1 if name.endswith(".sig") else 7):
        whole = flip(path, place, 1 << place % 8)
        found = verify(home.folder, signer=home.key)
        assert (found.changed, found.missing, found.extra) == ((name,), (), ())
        assert found.signature is Signature.INVALID
        path.write_bytes(whole)


def test_without_the_key_every_changed_byte_but_the_signatures_is_named(home: Home) -> None:
    draw = random.Random(7)
    files = {name: path for name, path in home.files().items() if not name.endswith(".sig")}
    for name in draw.choices(list(files), k=300):
        path = files[name]
        whole = flip(path, draw.randrange(path.stat().st_size), draw.randrange(1, 256))
        found = home.catalog.verify(home.folder)
        assert not found.ok
        assert found.changed == (name,)
        assert (found.missing, found.extra) == ((), ())
        assert found.signature is Signature.UNCHECKED
        path.write_bytes(whole)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_several_changes_are_all_named(
    first: Home, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("several") / "some"
    shutil.copytree(first.folder, folder)
    home = Home(first.catalog, folder, first.public)
    files = home.files()
    names = data.draw(st.lists(st.sampled_from(sorted(files.keys() - SIGNED)), unique=True))
    changed, missing = set(), set()
    for name in names:
        if data.draw(st.booleans()):
            files[name].unlink()
            missing.add(name)
        else:
            size = files[name].stat().st_size
            flip(files[name], data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, 255)))
            changed.add(name)
    (folder / "new file").write_text("mine")
    found = verify(folder, signer=first.key)
    assert (set(found.changed), set(found.missing)) == (changed, missing)
    assert found.extra == ("new file",)


@pytest.mark.parametrize("signed", [True, False])
def test_missing_renamed_and_extra_files(home: Home, signed: bool) -> None:
    key = home.key if signed else None
    for name, path in home.files().items():
        path.rename(path.with_name("other name"))
        other = path.with_name("other name").relative_to(home.folder).as_posix()
        found = verify(home.folder, signer=key)
        assert not found.ok
        assert (found.changed, found.missing, found.extra) == ((), (name,), (other,))
        path.with_name("other name").rename(path)
    assert verify(home.folder, signer=key).ok


def test_links_and_folders_in_the_place_of_files(home: Home, tmp_path: Path) -> None:
    for number, (name, path) in enumerate(home.files().items()):
        away = tmp_path / f"away{number}"
        path.rename(away)
        path.symlink_to(away)
        found = verify(home.folder, signer=home.key)
        assert (found.changed, found.missing, found.extra) == ((name,), (), ())
        path.unlink()
        path.mkdir()
        assert verify(home.folder, signer=home.key).missing == (name,)
        path.rmdir()
        away.rename(path)


def test_two_images_that_changed_places(home: Home) -> None:
    one, two, *_ = [path for name, path in home.files().items() if name.startswith("images/")]
    one.rename(home.folder / "x")
    two.rename(one)
    (home.folder / "x").rename(two)
    found = verify(home.folder, signer=home.key)
    assert found.changed == (f"images/{one.name}", f"images/{two.name}")


def test_a_key_of_somebody_else(home: Home, tmp_path: Path) -> None:
    other = make_pair(tmp_path / "eve").public
    found = home.catalog.verify(home.folder, signer=other)
    assert (found.ok, found.signature) == (False, Signature.INVALID)
    assert found.changed == ("checksums.sha256.sig",)


def forge(home: Home, change: Callable[[Path], object]) -> None:
    """Change an image and mend both lists, as somebody who wants to deceive would."""
    image = next(path for name, path in home.files().items() if name.startswith("images/"))
    name = f"images/{image.name}"

    def mend(path: Path, old: dict[str, str]) -> None:
        (xxh128, sha256) = next(iter(of_both([str(home.folder / name)])))
        text = path.read_text()
        for before, after in zip(old.values(), (xxh128.digest, sha256.digest), strict=True):
            text = text.replace(before, after)
        path.write_text(text)

    before = next(iter(of_both([str(image)])))
    old = {"xxh128": before[0].digest, "sha256": before[1].digest}
    change(image)
    mend(home.folder / "checksums.xxh128", old)
    listed = home.folder / "checksums.sha256"
    stale = read_checksums(listed, "sha256")["checksums.xxh128"].digest
    mend(listed, old)
    fresh = next(iter(of_both([str(home.folder / "checksums.xxh128")])))[1].digest
    listed.write_text(listed.read_text().replace(stale, fresh))


def test_a_forgery_that_mends_both_lists_is_found_by_the_signature_alone(home: Home) -> None:
    forge(home, lambda image: image.write_bytes(image.read_bytes() + b"more"))
    assert verify(home.folder).ok  # nobody can tell without the key, or the catalog
    assert home.catalog.verify(home.folder).recorded is False
    found = verify(home.folder, signer=home.key)
    assert (found.ok, found.signature) == (False, Signature.INVALID)
    assert found.changed == ("checksums.sha256.sig",)


def test_a_signature_that_was_taken_away(home: Home) -> None:
    for name in SIGNED:
        (home.folder / name).unlink()
    with pytest.raises(CheckFailedError, match="is not signed: "):
        home.catalog.verify(home.folder, signer=home.public)
    found = home.catalog.verify(home.folder)  # provenance.json says that there was one
    assert (found.ok, found.missing) == (False, tuple(sorted(SIGNED)))


def test_an_export_that_was_never_signed(home: Home, tmp_path: Path) -> None:
    home.catalog.export(Request("some", tmp_path / "plain"))
    found = home.catalog.verify(tmp_path / "plain")
    assert (found.ok, found.signature) == (True, None)
    with pytest.raises(CheckFailedError, match="is not signed"):
        home.catalog.verify(tmp_path / "plain", signer=home.public)
    for name in SIGNED:
        (tmp_path / "plain" / name).write_text("of somebody else")
    found = home.catalog.verify(tmp_path / "plain")
    assert (found.extra, found.changed) == (tuple(sorted(SIGNED)), ())
    found = home.catalog.verify(tmp_path / "plain", signer=home.public)
    assert (found.ok, found.signature) == (False, Signature.INVALID)


def test_lists_that_are_nonsense(home: Home) -> None:
    for name in ("checksums.sha256", "checksums.xxh128"):
        path = home.folder / name
        whole = path.read_bytes()
        for text in (b"", b"\n", b"nonsense", b"\xff\xfe", whole + whole, whole.upper()):
            path.write_bytes(text)
            for key in (home.key, None):
                assert verify(home.folder, signer=key).changed == (name,)
        path.write_bytes(whole)
    for name in ("checksums.sha256", "checksums.xxh128"):
        (home.folder / name).write_bytes(b"both")
    found = verify(home.folder)
    assert found.changed == ("checksums.sha256", "checksums.xxh128")


@pytest.mark.parametrize("size", [0, 1, 63, 65, 1 << 20])
def test_a_signature_of_another_size(home: Home, size: int) -> None:
    (home.folder / "checksums.sha256.sig").write_bytes(bytes(size))
    for key in (home.key, None):
        assert verify(home.folder, signer=key).changed == ("checksums.sha256.sig",)


def test_a_list_too_large_for_any_export(home: Home) -> None:
    with (home.folder / "checksums.sha256").open("ab") as stream:
        stream.truncate(1 << 40)
    assert verify(home.folder, signer=home.key).changed == ("checksums.sha256",)


def test_both_checksums_come_from_one_read(tmp_path: Path) -> None:
    paths = []
    for number, size in enumerate((0, 1, 1 << 20, (1 << 20) + 1, 3_000_000)):
        path = tmp_path / str(number)
        path.write_bytes(random.Random(number).randbytes(size))
        paths.append(str(path))
    found = list(of_both(paths))
    assert [xxh128 for xxh128, _ in found] == [of_file(path) for path in paths]
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # FIPS 180-4
    assert str(found[0][1]) == f"sha256:{empty}"
    with pytest.raises(InputError, match="cannot be read"):
        list(of_both([*paths, str(tmp_path / "nowhere")]))


def test_an_image_that_changes_while_it_is_exported_is_not_signed(
    first: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cxrcat.catalog.export import run

    write_slice = run.write_slice
    source = tmp_path / "source"
    shutil.copytree(first.folder.parent.parent / "images", source)

    def and_touch(*words: object) -> object:
        written = write_slice(*words)  # type: ignore[arg-type]
        for path in source.iterdir():
            with path.open("ab") as stream:  # the same file as the one in the export
                stream.write(b"x")
        return written

    monkeypatch.setattr(run, "write_slice", and_touch)
    key = read_private(first.public.with_name("ada.pem"), str)
    request = Request("some", tmp_path / "out" / "some", ImageMode.HARDLINK, source, sign=key)
    with pytest.raises(CheckFailedError, match="was changed while it was exported"):
        first.catalog.export(request)
    assert not (tmp_path / "out").exists()
