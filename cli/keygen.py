"""``cxrcat keygen``: make a key to sign exports with; and how a command is given one."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .context import Json, examples, print_facts, print_json, say

if TYPE_CHECKING:
    from ..catalog.keys import PrivateKey

PASSPHRASE_VARIABLE = "CXRCAT_KEY_PASSPHRASE"  # noqa: S105 - a name, not what it holds
EPILOG = examples("cxrcat keygen", "cxrcat keygen --out ~/keys/ward", "cxrcat keygen --json")

Sign = Annotated[
    bool, typer.Option("--sign", help="Sign the export with a key that 'cxrcat keygen' made.")
]
Key = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="FILE",
        help="The private key to sign with, if not the one in your config folder. Its passphrase "
        f"is asked for on a terminal, or in {PASSPHRASE_VARIABLE}.",
    ),
]


def keygen(
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR_OR_NAME",
            help="A folder that is there, or a name: NAME.pem and NAME.pub.pem are written. "
            "Without it, they stand in your config folder.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make an Ed25519 key to sign exports with, and its public half to check them with.

    A passphrase is asked for on a terminal, or taken from CXRCAT_KEY_PASSPHRASE. Nothing is ever
    overwritten.
    """
    from ..catalog.keys import check_place, make_pair

    check_place(out)
    made = make_pair(out, _new_passphrase())
    if json:
        facts = asdict(made)
        print_json({**facts, "private": str(made.private), "public": str(made.public)})
        return
    print_facts(
        [
            ("private key", made.private),
            ("public key", made.public),
            ("fingerprint", made.fingerprint),
        ]
    )
    if not made.encrypted:
        say("the private key has no passphrase: whoever can read the file can sign with it")
    say(
        "give the public key to those who are to check your exports; its fingerprint is the "
        "SHA-256 of its 32 bytes"
    )


def signing_key(sign: bool, key: Path | None) -> PrivateKey | None:
    """Return the key of ``--sign`` and ``--key``, None when nothing is to be signed."""
    from ..schemas.errors import UsageError

    if not sign:
        if key is not None:
            raise UsageError("--key is for --sign; add that")
        return None
    from ..catalog.keys import read_private

    return read_private(key, _passphrase)


def _passphrase() -> str:
    from ..schemas.errors import UsageError

    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise UsageError(f"the key has a passphrase; set {PASSPHRASE_VARIABLE} to it")
    answer: str = typer.prompt("Passphrase of the key", hide_input=True, err=True)
    return answer


def _new_passphrase() -> str:
    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given is not None or not sys.stdin.isatty():
        return given or ""
    answer: str = typer.prompt(
        "Passphrase for the key (empty for none)",
        default="",
        hide_input=True,
        show_default=False,
        confirmation_prompt=True,
        err=True,
    )
    return answer
