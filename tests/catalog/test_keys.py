"""Keys: what is made, where, for whose eyes; and whatever is no key is refused in one line."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from cxrcat.catalog import keys
from cxrcat.schemas.errors import InputError, SourceError, UsageError

PEM = forms.Encoding.PEM
OPEN = forms.NoEncryption()


def never() -> str:
    raise AssertionError("a passphrase was asked for")


def put(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_a_pair_fits_together(tmp_path: Path) -> None:
    made = keys.make_pair(tmp_path)
    assert made.private == tmp_path / "signing-key.pem"
    assert made.public == tmp_path / "signing-key.pub.pem"
    assert not made.encrypted
    private, public = keys.read_private(made.private, never), keys.read_public(made.public)
    assert private.fingerprint == public.fingerprint == made.fingerprint
    signature = private.sign(b"data")
    assert len(signature) == 64
    assert public.signed(b"data", signature)
    assert not public.signed(b"Data", signature)
    assert not public.signed(b"data", signature[:-1])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "signing-key.pem",
        "signing-key.pub.pem",
    ]


def test_the_fingerprint_is_of_the_32_bytes_of_the_public_key(tmp_path: Path) -> None:
    if not (shutil.which("openssl") and shutil.which("sha256sum")):
        pytest.skip("openssl and sha256sum are not installed")
    made = keys.make_pair(tmp_path)
    command = f"openssl pkey -pubin -in {made.public} -outform DER | tail -c 32 | sha256sum"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert made.fingerprint == f"sha256:{done.stdout.split()[0]}"


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o177])
def test_the_private_key_is_for_its_owner_alone(tmp_path: Path, mask: int) -> None:
    code = "import sys; from pathlib import Path; from cxrcat.catalog.keys import make_pair; "
    code += "make_pair(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, tmp_path], umask=mask, check=True)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in sorted(tmp_path.iterdir())]
    assert modes == [0o600, 0o644 & ~mask]


def test_the_default_place_is_the_config_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make one with 'cxrcat keygen'"):
        keys.read_private(None, never)
    made = keys.make_pair()
    assert made.private == keys.default_path()
    assert made.private.is_relative_to(tmp_path / "config")
    assert stat.S_IMODE(made.private.parent.stat().st_mode) == 0o700
    assert keys.read_private(None, never).fingerprint == made.fingerprint


@pytest.mark.parametrize("name", ["ada", "ada.pem"])
def test_a_name_names_both_files(tmp_path: Path, name: str) -> None:
    made = keys.make_pair(tmp_path / "deep" / name)
    assert made.private == tmp_path / "deep" / "ada.pem"
    assert made.public == tmp_path / "deep" / "ada.pub.pem"


@pytest.mark.parametrize("taken", ["ada.pem", "ada.pub.pem"])
@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_nothing_is_ever_overwritten(tmp_path: Path, taken: str, kind: str) -> None:
    path = tmp_path / taken
    if kind == "file":
        path.write_text("mine")
    elif kind == "link":
        path.symlink_to("nowhere")
    else:
        path.mkdir()
    with pytest.raises(UsageError, match="never overwritten"):
        keys.make_pair(tmp_path / "ada")
    assert [each.name for each in tmp_path.iterdir()] == [taken]


def test_a_file_that_came_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = tmp_path / "ada.pem", tmp_path / "ada.pub.pem"
    monkeypatch.setattr(keys, "check_place", lambda _: places)  # as if it had looked just before
    places[1].write_text("mine")
    with pytest.raises(SourceError, match=r"ada\.pub\.pem: cannot be written: File exists"):
        keys.make_pair(tmp_path / "ada")
    assert [each.name for each in tmp_path.iterdir()] == ["ada.pub.pem"]
    assert places[1].read_text() == "mine"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="no key was made"):
        keys.make_pair(tmp_path / "file" / "ada")
    with pytest.raises(UsageError, match="names no file"):
        keys.make_pair(tmp_path / ".pem")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_a_passphrase_opens_what_it_closed(
    tmp_path_factory: pytest.TempPathFactory, passphrase: str
) -> None:
    made = keys.make_pair(tmp_path_factory.mktemp("keys"), passphrase)
    assert made.encrypted
    assert b"ENCRYPTED" in made.private.read_bytes()
    key = keys.read_private(made.private, lambda: passphrase)
    assert key.fingerprint == made.fingerprint
    with pytest.raises(InputError, match="does not open with this passphrase") as caught:
        keys.read_private(made.private, lambda: f"{passphrase}x")
    assert len(passphrase) < 8 or passphrase not in str(caught.value)


@pytest.mark.parametrize("passphrase", ["", "x" * 1024, "é" * 512])
def test_a_passphrase_that_cannot_be_one(tmp_path: Path, passphrase: str) -> None:
    made = keys.make_pair(tmp_path / "closed", "open")
    with pytest.raises(InputError, match=r"has 1 to 1,023 bytes"):
        keys.read_private(made.private, lambda: passphrase)
    if passphrase:
        with pytest.raises(InputError, match=r"has 1 to 1,023 bytes"):
            keys.make_pair(tmp_path / "long", passphrase)
        assert not (tmp_path / "long.pem").exists()


def test_a_key_never_shows_itself(tmp_path: Path) -> None:
    key = keys.read_private(keys.make_pair(tmp_path).private, never)
    assert repr(key) == f"PrivateKey(fingerprint={key.fingerprint!r})"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o620, 0o601])
def test_a_private_key_that_others_can_use(tmp_path: Path, mode: int) -> None:
    made = keys.make_pair(tmp_path)
    made.private.chmod(mode)
    with pytest.raises(InputError, match="chmod 600"):
        keys.read_private(made.private, never)


def private(key: object) -> bytes:
    return key.private_bytes(PEM, forms.PrivateFormat.PKCS8, OPEN)  # type: ignore[attr-defined,no-any-return]


def public(key: object) -> bytes:
    return key.public_key().public_bytes(PEM, forms.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined,no-any-return]


OTHER_KEYS = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "ed448": ed448.Ed448PrivateKey.generate(),
}


@pytest.mark.parametrize("name", OTHER_KEYS)
def test_a_key_of_another_kind(tmp_path: Path, name: str) -> None:
    key = OTHER_KEYS[name]
    with pytest.raises(InputError, match="is not an Ed25519 key"):
        keys.read_private(put(tmp_path / "key.pem", private(key)), never)
    with pytest.raises(InputError, match="is not an Ed25519 key"):
        keys.read_public(put(tmp_path / "key.pub.pem", public(key)))
    with pytest.raises(InputError, match="is a private key"):
        keys.read_public(tmp_path / "key.pem")


def test_the_halves_taken_for_one_another(tmp_path: Path) -> None:
    made = keys.make_pair(tmp_path)
    with pytest.raises(InputError, match="is a private key"):
        keys.read_public(made.private)
    with pytest.raises(InputError, match="is not a private key"):
        keys.read_private(made.public, never)
    with pytest.raises(InputError, match="is a private key"):
        keys.read_public(keys.make_pair(tmp_path / "closed", "secret").private)


WHOLE = public(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"\x00\xff" * 100,
        WHOLE[:-30],
        WHOLE.replace(b"PUBLIC", b"SECRET"),
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGRlZg ada",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ],
)
def test_what_is_no_key(tmp_path: Path, data: bytes) -> None:
    path = put(tmp_path / "key", data)
    with pytest.raises(InputError, match="is not a public key in PEM") as caught:
        keys.read_public(path)
    assert str(caught.value).isprintable()
    path.write_bytes(data.replace(b"PUBLIC", b"PRIVATE"))
    with pytest.raises(InputError, match="is not a private key in PEM"):
        keys.read_private(path, never)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_key_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("keys") / "key"
    for text in (data, b"-----BEGIN PRIVATE KEY-----\n" + data):
        put(path, text)
        with pytest.raises(InputError):
            keys.read_public(path)
        with pytest.raises(InputError):
            keys.read_private(path, lambda: "secret")


def test_files_that_hold_no_key(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(WHOLE + b"\n" * (1 << 14))
    (tmp_path / "loop").symlink_to("loop")
    words = {"pipe": "not a file", "large": "larger than 16 KiB", "loop": "cannot be read"}
    words |= {"none": "cannot be read: No such file", "none/key": "cannot be read"}
    for name, said in words.items():
        with pytest.raises(InputError, match=said):
            keys.read_public(tmp_path / name)
    with pytest.raises(InputError, match="not a file"):
        keys.read_public(tmp_path)
    for name in ("pipe", "large", "loop"):
        with pytest.raises(InputError, match=words[name]):
            keys.read_private(tmp_path / name, never)
    with pytest.raises(InputError, match="not a file"):
        keys.read_public(Path("/dev/zero"))


def test_a_key_behind_a_link(tmp_path: Path) -> None:
    made = keys.make_pair(tmp_path)
    (tmp_path / "link").symlink_to(made.public)
    assert keys.read_public(tmp_path / "link").fingerprint == made.fingerprint
