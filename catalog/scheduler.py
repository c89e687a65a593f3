"""The address of a Dask scheduler: whether it may be talked to, and whether somebody is there."""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ..schemas.errors import UsageError

if TYPE_CHECKING:
    from ssl import SSLContext

_ADDRESS = re.compile(
    r"(?P<kind>tcp|tls)://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})"
)


def check_address(address: str) -> None:
    """Raise `UsageError` unless it is the address of a scheduler that may be talked to.

    Whoever answers as a scheduler can run any program here, and whoever reaches one can run any
    program on its workers. So what is not encrypted may not leave this machine.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or not 0 < int(match["port"]) < 1 << 16:
        raise UsageError(
            f"{address[:200]!r} is no address of a scheduler; "
            "write tls://HOST:PORT, or tcp://127.0.0.1:PORT for one on this machine"
        )
    if match["kind"] == "tcp" and not _is_loopback(match["host"].strip("[]")):
        raise UsageError(
            f"{address}: without TLS, anybody on the way could run programs here and there; use "
            "tls://, or tcp:// to this machine itself"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def knock(address: str, context: SSLContext | None, patience: float) -> None:
    """Raise `OSError` unless somebody is there and speaks first, as a scheduler does.

    Dask itself would try a wrong address again and again, and wait for ever for one that is silent.
    `patience` is in seconds; with `context` it is TLS that is spoken.
    """
    host, _, port = address.partition("://")[2].rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), patience) as plain:
        heard = context.wrap_socket(plain) if context else plain
        with heard:
            if not heard.recv(1):
                raise ConnectionError("it hangs up")
