"""What a use made is recorded with checksums that other tools reproduce, and without secrets."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from cxrcat.catalog import artifacts, dois
from cxrcat.schemas.errors import InputError, UsageError


def test_a_file_has_its_own_checksum(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"weights")
    found = artifacts.read_one(str(path))
    assert (found.kind, found.place, found.files, found.size) == ("file", str(path), 1, 7)
    assert found.checksum == f"xxh128:{xxhash.xxh3_128_hexdigest(b'weights')}"


def test_a_path_is_recorded_in_full_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.pt").write_bytes(b"")
    (found,) = artifacts.read(["model.pt", "./model.pt", str(tmp_path / "model.pt")])
    assert found.place == str(tmp_path / "model.pt")


def test_a_folder_has_the_checksum_of_what_the_tool_prints(tmp_path: Path) -> None:
    tool = shutil.which("xxh128sum")
    if tool is None:
        pytest.skip("xxh128sum is not installed: run scripts/test-tools")
    folder = tmp_path / "run"
    for name in ("b", "a b", "deep/er/c", "Z", "ü"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "link").symlink_to("b")
    (folder / "elsewhere").symlink_to(tmp_path)
    found = artifacts.read_one(str(folder))
    names = sorted(["b", "a b", "deep/er/c", "Z", "ü", "link"], key=os.fsencode)
    listed = subprocess.run([tool, *names], cwd=folder, capture_output=True, check=True).stdout
    assert found.checksum == f"xxh128:{xxhash.xxh3_128_hexdigest(listed)}"
    assert (found.kind, found.files) == ("folder", 6)
    assert found.size == sum(len((folder / name).read_bytes()) for name in names)


@pytest.mark.parametrize("change", ["rename", "content", "more", "break"])
def test_a_folder_that_changed_has_another_checksum(tmp_path: Path, change: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "a").write_text("1")
    (folder / "b").write_text("2")
    before = artifacts.read_one(str(folder)).checksum
    if change == "rename":
        (folder / "a").rename(folder / "c")
    elif change == "content":
        (folder / "a").write_text("2")
    elif change == "more":
        (folder / "c").write_text("")
    else:
        digest = xxhash.xxh3_128_hexdigest(b"1")
        (folder / "b").unlink()
        (folder / f"a\n{digest}  b").write_text("2")
    assert artifacts.read_one(str(folder)).checksum != before


def test_what_is_no_artefact(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "with").mkdir()
    os.mkfifo(tmp_path / "with" / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("empty", "pipe", "with", "loop", "nothing", "a\0b", "x" * 300):
        with pytest.raises((InputError, UsageError)) as caught:
            artifacts.read_one(str(tmp_path / name))
        assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(UsageError, match="has no name"):
        artifacts.read_one("")
    with pytest.raises(UsageError, match="cannot be printed"):
        artifacts.read_one("model\x1b[31m.pt")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://example.org/m.pt", "https://example.org/m.pt"),
        ("https://ada:pw@example.org:8443/m.pt", "https://example.org:8443/m.pt"),
        ("https://example.org/m?X-Amz-Signature=abc&versionId=3", "https://example.org/m?versionId=3"),
        ("https://example.org/m?version=a%20b", "https://example.org/m"),
        ("https://example.org/m#token=abc", "https://example.org/m"),
        ("s3://bucket/key?sig=x", "s3://bucket/key"),
        ("gs://bucket/key?generation=12", "gs://bucket/key?generation=12"),
        ("https://[::1]:80/x", "https://[::1]:80/x"),
        ("HTTPS://a@B.org/X", "https://B.org/X"),
    ],
)  # fmt: skip
def test_a_url_keeps_what_is_not_secret(given: str, kept: str) -> None:
    assert artifacts.read_one(given).place == kept
    assert artifacts.read_one(kept).place == kept


@pytest.mark.parametrize(
    "given",
    [
        "https://",
        "https://ada:secret@",
        "https://[::1",
        "https://x:port/",
        "https://ada:a/secret@x.org/",
        "https://ada:secret/b@x.org/",
        "https://ada:a@secret@[::1/",
        "file:///etc/passwd",
        "https://x.org/a b?token=secret",
        "https://x.org/\x1b[31m",
        "https://x.org/" + "a" * 3000,
    ],
)
def test_what_is_no_url(given: str) -> None:
    with pytest.raises(UsageError) as caught:
        artifacts.read_one(given)
    assert "secret" not in str(caught.value)
    assert str(caught.value).isprintable()


_WORD = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@given(_WORD, _WORD, _WORD, st.sampled_from(["token", "sig", "X-Goog-Signature", "key", "Version"]))
def test_a_secret_never_stays_in_a_url(user: str, word: str, tail: str, name: str) -> None:
    secret = quote(f"S3CR3T{word}", safe="")
    place = f"{quote(user, safe='')}:{secret}@example.org/{quote(tail)}"
    url = f"https://{place}?{name}={secret}!#{secret}"
    assert "S3CR3T" not in artifacts.read_one(url).place


@pytest.mark.parametrize(
    "text",
    [
        "10.1109/CVPR.2017.369",
        "doi:10.1109/cvpr.2017.369",
        "DOI: 10.1109/CVPR.2017.369",
        "https://doi.org/10.1109/CVPR.2017.369",
        "http://dx.doi.org/10.1109/cvpr.2017.369",
        " https://doi.org/10.1109%2FCVPR.2017.369 ",
        "info:doi/10.1109/CVPR.2017.369",
    ],
)
def test_a_doi_has_one_form(text: str) -> None:
    assert dois.normalise(text) == "10.1109/cvpr.2017.369"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.1/x",
        "10.1109",
        "10.1109/",
        "11.1109/x",
        "https://example.org/10.1109/x",
        "10.1109/a b",
        "10.1109/\x1b[31m",
        "arXiv:1705.02315",
        "10.1109/" + "a" * 400,
    ],
)
def test_what_is_no_doi(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        dois.normalise(text)
    assert str(caught.value).isprintable()


@given(st.from_regex(r"10\.\d{4,9}/[!-~]{1,40}", fullmatch=True))
def test_a_normal_doi_stays_as_it_is(doi: str) -> None:
    normal = dois.normalise(doi)
    assert dois.normalise(normal) == normal == doi.lower()
    assert dois.normalise(f"https://doi.org/{quote(doi)}") == normal
