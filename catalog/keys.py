"""Ed25519 keys: make a pair, and read one that was made.

Keys are PEM files as OpenSSL reads and writes them: PKCS #8 for the private half, encrypted where
there is a passphrase, and SubjectPublicKeyInfo for the public half (RFC 8410).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..schemas.checksum import Checksum
from ..schemas.errors import InputError, SourceError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

_NAME = "signing-key"
_PRIVATE, _PUBLIC = ".pem", ".pub.pem"
_LARGEST = 1 << 14  # bytes; a key has about 120
_LONGEST_PASSPHRASE = 1023  # bytes, of OpenSSL
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key to sign with; `fingerprint` is that of its public half."""

    fingerprint: str
    _key: Ed25519PrivateKey = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """Return the signature of what is in memory, 64 bytes."""
        return self._key.sign(data)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key to check signatures with."""

    fingerprint: str
    _key: Ed25519PublicKey = field(repr=False)

    def signed(self, data: bytes, signature: bytes) -> bool:
        """Tell whether a signature is of these bytes, by the private half of this key."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Pair:
    """Two files that were made, and what the public key is known by."""

    private: Path
    public: Path
    fingerprint: str
    encrypted: bool


def default_path() -> Path:
    """Return where the private key is when nobody says where: in the user's config folder."""
    from platformdirs import user_config_path

    return user_config_path("cxrcat", appauthor=False) / f"{_NAME}{_PRIVATE}"


def check_place(out: Path | None) -> tuple[Path, Path]:
    """Return the files of a pair that is to be made, private and public.

    `out` is a folder that is there, or a name with or without ``.pem``; None is `default_path`.
    Raises `UsageError` when one of the files is there already: a key is never overwritten.
    """
    place = default_path() if out is None else out / f"{_NAME}{_PRIVATE}" if out.is_dir() else out
    name = place.name.removesuffix(_PRIVATE)
    if not name or place.name == "..":
        raise UsageError(f"{place}: names no file; write --out DIR or --out NAME")
    private, public = place.with_name(name + _PRIVATE), place.with_name(name + _PUBLIC)
    for path in (private, public):
        if os.path.lexists(path):
            raise UsageError(
                f"{path}: is there already, and a key is never overwritten; "
                "use it, or choose another --out"
            )
    return private, public


def make_pair(out: Path | None = None, passphrase: str = "") -> Pair:
    """Make a pair of keys and write it; the private one is for its owner's eyes (mode 0600).

    `passphrase` encrypts the private key; without one it lies open. See `check_place` for `out`.
    Raises `SourceError` when the files cannot be written.
    """
    private, public = check_place(out)
    secret = _encoded(passphrase) if passphrase else None
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    protection: forms.KeySerializationEncryption = (
        forms.BestAvailableEncryption(secret) if secret else forms.NoEncryption()
    )
    pem = forms.Encoding.PEM
    halves = {
        private: (key.private_bytes(pem, forms.PrivateFormat.PKCS8, protection), 0o600),
        public: (
            key.public_key().public_bytes(pem, forms.PublicFormat.SubjectPublicKeyInfo),
            0o644,
        ),
    }
    try:
        private.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_new(halves)
    except OSError as error:
        place = error.filename2 or error.filename or private
        raise SourceError(
            f"{place}: cannot be written: {error.strerror}; no key was made"
        ) from error
    return Pair(private, public, _fingerprint(key.public_key()), bool(secret))


def read_private(path: Path | None, passphrase: Callable[[], str]) -> PrivateKey:
    """Return a key to sign with, from `default_path` when none is named.

    `passphrase` is called only when the key is encrypted. Raises `UsageError` when there is no key,
    and `InputError` when it cannot be used or others than its owner can read it.
    """
    from_default = path is None
    path = default_path() if path is None else path
    if not os.path.lexists(path):
        hint = "or name yours with --key FILE" if from_default else "or name another with --key"
        raise UsageError(f"{path}: there is no key; make one with 'cxrcat keygen', {hint}")
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    data, mode = _read(path)
    if b"PRIVATE KEY-----" not in data:
        raise InputError(f"{path}: is not a private key in PEM; 'cxrcat keygen' makes one")
    if mode & _OTHERS:
        raise InputError(
            f"{path}: others than its owner can use this private key "
            f"(its mode is {mode:04o}); run chmod 600 on it"
        )
    try:
        key = _load_private(path, data, None)
    except TypeError:  # it is encrypted
        key = _load_private(path, data, _encoded(passphrase()))
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path}: is not an Ed25519 key; 'cxrcat keygen' makes one")
    return PrivateKey(_fingerprint(key.public_key()), key)


def read_public(path: Path) -> PublicKey:
    """Return a key to check signatures with; raise `InputError` when it is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data, _ = _read(path)
    if b"PRIVATE KEY-----" in data:
        raise InputError(
            f"{path}: is a private key, which only its owner needs; name the public one (.pub.pem)"
        )
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path}: is not a public key in PEM, as 'cxrcat keygen' makes") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{path}: is not an Ed25519 key, as 'cxrcat keygen' makes")
    return PublicKey(_fingerprint(key), key)


def _load_private(path: Path, data: bytes, secret: bytes | None) -> object:
    """Return the private key; raise `TypeError` when it is encrypted and there is no passphrase."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(data, secret)
    except (ValueError, UnsupportedAlgorithm) as error:
        what = (
            "is not a private key in PEM"
            if secret is None
            else "does not open with this passphrase"
        )
        raise InputError(f"{path}: {what}") from error


def _encoded(passphrase: str) -> bytes:
    """Return the bytes of a passphrase; raise `InputError` when OpenSSL could not take them."""
    secret = passphrase.encode("utf-8", "surrogateescape")
    if not 0 < len(secret) <= _LONGEST_PASSPHRASE:
        raise InputError(f"a passphrase has 1 to {_LONGEST_PASSPHRASE:,} bytes")
    return secret


def _fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of the 32 bytes of a public key, as ``sha256:…``."""
    from cryptography.hazmat.primitives import hashes

    hasher = hashes.Hash(hashes.SHA256())
    hasher.update(key.public_bytes_raw())
    return str(Checksum("sha256", hasher.finalize().hex()))


def _read(path: Path) -> tuple[bytes, int]:
    """Return the bytes of a key's file, and its permissions; it may be a link, but not a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path}: is not a file; name the file of a key")
            data = os.read(descriptor, _LARGEST + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise InputError(f"{path}: larger than {_LARGEST >> 10} KiB, so not a key")
    return data, stat.S_IMODE(status.st_mode)


def _write_new(files: dict[Path, tuple[bytes, int]]) -> None:
    """Write new files with their permissions, all or none; never over another one.

    A link takes the name of a whole file, and fails where a rename would overwrite.
    """
    made: list[Path] = []
    try:
        for path, (data, mode) in files.items():
            part = path.with_name(f".{path.name}.cxrcat-part-{os.getpid()}")
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(data)
                    stream.flush()
                    os.fsync(descriptor)
                os.link(part, path)
            finally:
                part.unlink()
            made.append(path)
        _sync(path.parent)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some file systems cannot sync a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
