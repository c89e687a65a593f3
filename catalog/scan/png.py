"""Tell whether a PNG image is whole, from its bytes as they pass, without decoding it.

Every chunk carries a CRC-32 of its type and data, so a changed byte is found in a file that was
never seen before (https://www.w3.org/TR/png-3/#5Chunk-layout).
"""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_HEADER = struct.Struct(">8s I4sII5s I")  # the signature, and the whole chunk IHDR
_CHUNK = struct.Struct(">I4s")
_CRC = struct.Struct(">I")


class Png:
    """A PNG image that comes block by block; `width` and `height` are in pixels, 0 until known."""

    def __init__(self) -> None:
        self.width = self.height = 0
        self._problem: str | None = None
        self._piece = bytearray()  # of what is not a chunk's data
        self._wanted = _HEADER.size
        self._left = 0  # bytes of the chunk's data that are still to come
        self._kind = b""
        self._crc = 0
        self._ended = False

    def feed(self, block: memoryview) -> None:
        """Look at the next block."""
        at, end = 0, len(block)
        while at < end and self._problem is None:
            if self._left:
                stop = min(end, at + self._left)
                self._crc = zlib.crc32(block[at:stop], self._crc)
                self._left -= stop - at
            else:
                stop = min(end, at + self._wanted - len(self._piece))
                self._piece += block[at:stop]
                if len(self._piece) == self._wanted:
                    piece = bytes(self._piece)
                    self._piece.clear()
                    self._take(piece)
            at = stop

    def problem(self, size: int) -> str | None:
        """Return what is wrong with all the `size` bytes that came; None when they are whole."""
        if self._problem is None and not self._kind and self._piece[:8] != SIGNATURE[:size]:
            return "is not a PNG image"
        if self._problem is None and self._ended and self._piece:
            return "goes on after its end"
        if self._problem is None and not self._ended:
            return f"is cut off after {size:,} bytes" if size else "is empty"
        return self._problem

    def _take(self, piece: bytes) -> None:
        if not self._kind:
            self._begin(piece)
        elif self._ended:
            self._problem = "goes on after its end"
        elif self._wanted == _CHUNK.size:
            self._left, self._kind = _CHUNK.unpack(piece)
            self._crc = zlib.crc32(self._kind)
            self._wanted = _CRC.size
        elif _CRC.unpack(piece)[0] != self._crc:
            kind = self._kind.decode("ascii") if self._kind.isalpha() else "of no known kind"
            self._problem = f"has changed bytes in its chunk {kind}"
        else:
            self._ended = self._kind == b"IEND"
            self._wanted = _CHUNK.size

    def _begin(self, piece: bytes) -> None:
        signature, size, self._kind, width, height, _, crc = _HEADER.unpack(piece)
        if signature != SIGNATURE:
            self._problem = "is not a PNG image"
        elif (size, self._kind) != (13, b"IHDR") or crc != zlib.crc32(piece[12:29]):
            self._problem = "has changed bytes in its header"
        else:
            self.width, self.height = width, height
            self._wanted = _CHUNK.size
