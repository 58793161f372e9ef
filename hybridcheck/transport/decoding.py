"""Content decoding (gzip, deflate, br) piece by piece with a bound on what comes out, so that a bomb stays small."""

import zlib
from typing import Protocol

import brotli

ACCEPT_ENCODING = "gzip, deflate, br"
"""What we say that we can read."""

GZIP_OR_ZLIB = 47
"""zlib's window bits that recognise the gzip and the zlib header (32 + 15)."""

HEADER_BYTES = 2
"""How many bytes tell whether there is a header."""

PIECE_BYTES = 64 * 1024


class NotDecodable(Exception):
    """The bytes are not what the content encoding says."""


class Decoder(Protocol):
    """Turns encoded bytes into decoded ones, at most `most` (and a piece) at a time."""

    def feed(self, data: bytes, most: int) -> bytes:
        """Decode data; what is compressed stops soon after `most` bytes came out."""
        ...

    def finish(self) -> None:
        """Raise `NotDecodable` where the end is missing."""
        ...


class Identity:
    """No encoding."""

    def feed(self, data: bytes, most: int) -> bytes:
        """The bytes themselves."""
        return data

    def finish(self) -> None:
        """Nothing can be missing."""


class Zlib:
    """gzip (also several members after each other) and deflate, with its header or, as some send it, without."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(GZIP_OR_ZLIB)
        self._held = b""
        self._first = True

    def feed(self, data: bytes, most: int) -> bytes:
        """Decode data; stops after `most` + 1 bytes."""
        out = bytearray()
        if self._first:
            data, self._held = self._held + data, b""
            if len(data) < HEADER_BYTES:
                self._held, data = data, b""
        while data and len(out) <= most:
            try:
                out += self._inflate.decompress(data, most + 1 - len(out))
            except zlib.error as error:
                if not self._first:
                    raise NotDecodable(str(error)) from error
                self._first, self._inflate = False, zlib.decompressobj(-zlib.MAX_WBITS)
                continue
            self._first = False
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
            if self._inflate.eof and data:
                self._inflate = zlib.decompressobj(GZIP_OR_ZLIB)
        return bytes(out)

    def finish(self) -> None:
        """Raise `NotDecodable` where the stream is not at its end."""
        if not self._inflate.eof:
            raise NotDecodable("the compressed stream has no end")


class Brotli:
    """br, with its output buffer bounded."""

    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    def feed(self, data: bytes, most: int) -> bytes:
        """Decode data; stops within one piece after `most` bytes."""
        out = bytearray()
        try:
            piece = self._decompressor.process(data, output_buffer_limit=PIECE_BYTES)
            while piece and len(out) <= most:
                out += piece
                piece = self._decompressor.process(b"", output_buffer_limit=PIECE_BYTES)
        except brotli.error as error:
            raise NotDecodable(f"brotli: {error}") from error
        return bytes(out)

    def finish(self) -> None:
        """Raise `NotDecodable` where the stream is not at its end."""
        if not self._decompressor.is_finished():
            raise NotDecodable("the compressed stream has no end")


def decoder_for(content_encoding: str) -> Decoder:
    """The decoder of a Content-Encoding header.

    Raises:
        NotDecodable: for an encoding that we did not ask for, or several on top of each other.
    """
    names = [name.strip().lower() for name in content_encoding.split(",") if name.strip()]
    names = [name for name in names if name != "identity"]
    if not names:
        return Identity()
    if len(names) == 1 and names[0] in {"gzip", "x-gzip", "deflate"}:
        return Zlib()
    if names == ["br"]:
        return Brotli()
    raise NotDecodable(f"content encoding '{content_encoding[:100]}' was not asked for")
