"""Signed exports by the installed commands, and by those of others: openssl and sha256sum."""

from __future__ import annotations

import json
import os
import pty
import random
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ..checks import SIGNED, check_export, check_failure
from ..conftest import Run
from .conftest import COMMAND, Made, Start

SECRET = "correct horse, battery ☃"  # noqa: S105 - of the tests


@pytest.fixture
def signed(cxrcat: Run, made: Made, work: Path) -> Path:
    """Return a signed export with 227 images; its keys are ada.pem and ada.pub.pem beside it."""
    assert cxrcat("keygen", "--out", "ada").returncode == 0
    arguments = ("export", "--subset", "hernia", "--images", "hardlink", "--from", made.source)
    done = cxrcat(*arguments, "--to", "signed", "--sign", "--key", "ada.pem")
    assert done.returncode == 0, done
    assert "signed by sha256:" in done.stderr
    check_export(work / "signed")
    return work / "signed"


def test_keygen_says_what_it_made(cxrcat: Run, work: Path, tmp_path: Path) -> None:
    done = cxrcat("keygen")
    assert done.returncode == 0
    facts = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    home = tmp_path / "config" / "cxrcat"
    assert facts["private key"].strip() == str(home / "signing-key.pem")
    assert facts["public key"].strip() == str(home / "signing-key.pub.pem")
    assert facts["fingerprint"].strip().startswith("sha256:")
    assert "no passphrase" in done.stderr
    check_failure(cxrcat("keygen"), 2, "never overwritten")
    made = json.loads(cxrcat("keygen", "--out", work, "--json").stdout)
    assert made["private"] == str(work / "signing-key.pem")
    assert made["encrypted"] is False


def test_export_signs_with_the_default_key(cxrcat: Run, work: Path, tmp_path: Path) -> None:
    check_failure(cxrcat("export", "--subset", "hernia", "--sign"), 2, "cxrcat keygen")
    cxrcat("keygen")
    assert cxrcat("export", "--subset", "hernia", "--sign").returncode == 0
    check_export(work / "hernia")
    public = tmp_path / "config" / "cxrcat" / "signing-key.pub.pem"
    done = cxrcat("verify", "hernia", "--signer", public)
    assert (done.returncode, done.stdout) == (0, "")
    assert "checksums.sha256.sig is a signature by sha256:" in done.stderr
    readme = (work / "hernia" / "README.md").read_text("utf-8")
    assert "openssl pkeyutl -verify" in readme
    assert "`checksums.sha256.sig`" in readme


def test_openssl_and_sha256sum_check_it_without_cxrcat(signed: Path) -> None:
    if not (shutil.which("openssl") and shutil.which("sha256sum")):
        pytest.skip("openssl and sha256sum are not installed")
    openssl = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "../ada.pub.pem", "-rawin"]
    openssl += ["-in", "checksums.sha256", "-sigfile", "checksums.sha256.sig"]
    sha256sum = ["sha256sum", "--strict", "-c", "checksums.sha256"]

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=signed, capture_output=True, text=True, check=False)

    assert (signed / "checksums.sha256.sig").stat().st_size == 64
    assert run(openssl).returncode == 0
    done = run(sha256sum)
    assert done.returncode == 0
    names = {line.removesuffix(": OK") for line in done.stdout.splitlines()}
    files = {p.relative_to(signed).as_posix() for p in signed.rglob("*") if p.is_file()}
    assert names == files - SIGNED
    (signed / "README.md").write_text("changed")
    assert run(sha256sum).returncode == 1
    listed = signed / "checksums.sha256"
    listed.write_text(listed.read_text().replace("a", "b", 1))
    assert run(openssl).returncode == 1


def test_the_readme_of_a_signed_export_says_how(signed: Path) -> None:
    if not (shutil.which("openssl") and shutil.which("sha256sum")):
        pytest.skip("openssl and sha256sum are not installed")
    text = (signed / "README.md").read_text("utf-8")
    (block,) = [each for each in text.split("```sh\n") if each.startswith("openssl")]
    shutil.copy(signed.parent / "ada.pub.pem", signed.parent / "signer.pub.pem")
    script = block.partition("```")[0].replace("signer.pub.pem", "../signer.pub.pem")
    path = f"{COMMAND.parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "CXRCAT_CATALOG": str(signed.parents[1] / "catalog.sqlite")}
    done = subprocess.run(
        ["bash", "-ec", script], cwd=signed, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done


def test_random_changes_through_the_command(cxrcat: Run, signed: Path) -> None:
    draw = random.Random(5)
    files = sorted(path for path in signed.rglob("*") if path.is_file() and path.suffix != ".png")
    files += [next((signed / "images").iterdir())]
    for path in files:
        whole = path.read_bytes()
        place = draw.randrange(len(whole))
        path.unlink()  # an image is linked to its source
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        done = cxrcat("verify", signed, "--signer", "ada.pub.pem")
        assert done.returncode == 1
        name = path.relative_to(signed).as_posix()
        assert done.stdout.splitlines()[0] == f"changed: {name}"
        assert [line for line in done.stdout.splitlines() if line.startswith("changed")] == [
            f"changed: {name}"
        ]
        assert "Traceback" not in done.stderr
        path.write_bytes(whole)
    assert cxrcat("verify", signed, "--signer", "ada.pub.pem").returncode == 0


def test_what_verify_says_of_a_signature(cxrcat: Run, signed: Path) -> None:
    done = cxrcat("verify", signed)
    assert (done.returncode, done.stdout) == (0, "")
    assert "the signature was not checked" in done.stderr
    assert "--signer" in done.stderr
    found = json.loads(cxrcat("verify", signed, "--json").stdout)
    assert (found["signature"], found["signer"]) == ("unchecked", None)
    cxrcat("keygen", "--out", "eve")
    done = cxrcat("verify", signed, "--signer", "eve.pub.pem")
    assert (done.returncode, done.stdout) == (1, "changed: checksums.sha256.sig\n")
    assert "is not a signature of checksums.sha256 by sha256:" in done.stderr
    assert "provenance.json names sha256:" in done.stderr
    for name in SIGNED:
        (signed / name).unlink()
    check_failure(cxrcat("verify", signed, "--signer", "ada.pub.pem"), 1, "is not signed")
    done = cxrcat("verify", signed)
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 2)
    assert done.stdout.startswith("missing: checksums.sha256\n")


def test_keys_that_are_none(cxrcat: Run, signed: Path, work: Path) -> None:
    os.mkfifo(work / "pipe")
    (work / "large").write_bytes(b"x" * 20_000)
    (work / "text").write_text("nonsense\n\x1b[31m")
    words = {"pipe": "not a file", "large": "larger", "text": "not a public key in PEM"}
    words |= {"ada.pem": "is a private key", "none": "No such file", "signed": "not a file"}
    for name, said in words.items():
        check_failure(cxrcat("verify", signed, "--signer", name), 2, name, said)
    options = ("export", "--subset", "hernia", "--sign", "--key")
    words = {"pipe": "not a file", "large": "larger", "ada.pub.pem": "not a private key"}
    words |= {"none": "there is no key", "text": "not a private key"}
    for name, said in words.items():
        check_failure(cxrcat(*options, name), 2, name, said)
    check_failure(cxrcat("export", "--subset", "hernia", "--key", "ada.pem"), 2, "--sign")
    (work / "ada.pem").chmod(0o644)
    check_failure(cxrcat(*options, "ada.pem"), 2, "chmod 600")


def test_force_replaces_a_signed_export(cxrcat: Run, signed: Path, work: Path) -> None:
    options = ("export", "--subset", "hernia", "--to", signed, "--force")
    assert cxrcat(*options, "--sign", "--key", "ada.pem").returncode == 0
    check_export(signed)
    assert cxrcat(*options).returncode == 0
    assert not SIGNED & {path.name for path in signed.iterdir()}
    (signed / "checksums.sha256").write_text("of the user")
    check_failure(cxrcat(*options), 2, "checksums.sha256: was not written by the export")
    assert (work / "signed" / "checksums.sha256").read_text() == "of the user"


@pytest.mark.parametrize("name", ["checksums.xxh128", "checksums.sha256", "checksums.sha256.sig"])
def test_a_kill_while_signing_leaves_nothing_or_a_signed_export(
    cxrcat: Run, start: Start, made: Made, work: Path, name: str
) -> None:
    cxrcat("keygen", "--out", "ada")
    arguments = ("export", "--subset", "hernia", "--images", "copy", "--from", made.source)
    arguments += ("--to", "new", "--sign", "--key", "ada.pem")
    process = start(*arguments)
    while process.poll() is None and not list(work.glob(f".new.cxrcat-part-*/{name}")):
        time.sleep(0.0002)
    process.kill()
    process.communicate()
    if (work / "new").exists():
        assert check_export(work / "new", alone=False).export.signer is not None
    assert cxrcat(*arguments, "--force").returncode == 0
    assert check_export(work / "new").images.files == 227


def test_a_passphrase_from_the_environment(cxrcat: Run, work: Path) -> None:
    env = {"CXRCAT_KEY_PASSPHRASE": SECRET}
    done = cxrcat("keygen", "--out", "ada", env=env)
    assert done.returncode == 0
    assert "no passphrase" not in done.stderr
    assert b"ENCRYPTED" in (work / "ada.pem").read_bytes()
    options = ("export", "--subset", "hernia", "--sign", "--key", "ada.pem")
    check_failure(cxrcat(*options), 2, "CXRCAT_KEY_PASSPHRASE")
    wrong = cxrcat(*options, env={"CXRCAT_KEY_PASSPHRASE": "wrong"})
    check_failure(wrong, 2, "does not open with this passphrase")
    assert not (work / "hernia").exists()
    assert cxrcat(*options, env=env).returncode == 0
    assert cxrcat("verify", "hernia", "--signer", "ada.pub.pem").returncode == 0
    kept = b"".join(path.read_bytes() for path in work.rglob("*") if path.is_file())
    assert SECRET.encode() not in kept + done.stdout.encode() + done.stderr.encode()


def at_a_terminal(start: Start, answers: list[str], *words: str) -> tuple[int, str]:
    """Run a command at a terminal, answering what it asks; return its exit code and what it showed.

    The terminal forgets what is typed before it is told to hide the answer, which is when the
    space after the colon is written.
    """
    ours, its = pty.openpty()
    process = start(*words, stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    shown = b""
    with suppress(OSError):  # the terminal is gone when the command is
        while some := os.read(ours, 4096):
            shown += some
            if answers and shown.endswith(b": "):
                os.write(ours, answers.pop(0).encode() + b"\n")
    os.close(ours)
    return process.wait(60), shown.decode()


def test_a_passphrase_is_asked_for_at_a_terminal(start: Start, work: Path) -> None:
    code, shown = at_a_terminal(start, [SECRET, SECRET], "keygen", "--out", "ada")
    assert code == 0, shown
    assert SECRET not in shown
    assert b"ENCRYPTED" in (work / "ada.pem").read_bytes()
    options = ("export", "--subset", "hernia", "--sign", "--key", "ada.pem")
    code, shown = at_a_terminal(start, [SECRET], *options)
    assert code == 0, shown
    assert SECRET not in shown
    check_export(work / "hernia")
    code, shown = at_a_terminal(start, ["wrong"], *options, "--force")
    assert code == 2
    assert "does not open with this passphrase" in shown


def test_an_empty_answer_at_a_terminal_is_no_passphrase(start: Start, work: Path) -> None:
    code, shown = at_a_terminal(start, ["", ""], "keygen", "--out", "ada")
    assert code == 0, shown
    assert "no passphrase" in shown
    assert b"ENCRYPTED" not in (work / "ada.pem").read_bytes()


def test_an_interrupt_at_the_question_makes_no_key(start: Start, work: Path) -> None:
    code, shown = at_a_terminal(start, ["\x04"], "keygen", "--out", "ada")
    assert code == 130, shown
    assert list(work.iterdir()) == []
