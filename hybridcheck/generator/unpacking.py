"""Unpacking a kept body for the checks that look into it, and saying by name why one cannot be read. Pure."""

import zlib

LONGEST_BODY_BYTES = 16 << 20
_GZIP_OR_ZLIB, _RAW = 47, -15
"""zlib's window bits: 32 + 15 finds out which header it is; deflate is sent without any by some."""


class NotReadable(ValueError):
    """A body is not what its content encoding says, or one that is not read here."""


class TooLong(NotReadable):
    """A body is longer than what is read of one: our limit, no fault of the target's."""

    def __init__(self, beginning: bytes) -> None:
        super().__init__(f"only {LONGEST_BODY_BYTES >> 20} MiB of a body are read")
        self.beginning = beginning


def unpacked(encoding: bytes, body: bytes) -> bytes:
    """The body behind a Content-Encoding.

    Raises:
        NotReadable: it cannot be unpacked.
        TooLong: it is longer than what is read of a body.
    """
    for name in reversed(encoding.replace(b" ", b"").split(b",")):
        if name in {b"gzip", b"x-gzip", b"deflate"}:
            body = _inflated(name, body)
        elif name == b"br":
            body = _from_brotli(body)
        elif name not in {b"", b"identity"}:
            raise NotReadable(f"the content encoding {name.decode('latin-1')!r} is not read here")
    if len(body) > LONGEST_BODY_BYTES:
        raise TooLong(body)
    return body


def _inflated(name: bytes, body: bytes) -> bytes:
    """Gzip (also several members one after the other) or deflate."""
    out, left = bytearray(), body
    bits = _GZIP_OR_ZLIB
    while left:
        inflate = zlib.decompressobj(bits)
        try:
            out += inflate.decompress(left, LONGEST_BODY_BYTES + 1 - len(out))
        except zlib.error as error:
            if bits == _RAW or out or name != b"deflate":
                raise NotReadable(f"the {name.decode()} body cannot be unpacked: {error}") from error
            bits = _RAW
            continue
        if len(out) > LONGEST_BODY_BYTES:
            break
        if not inflate.eof:
            raise NotReadable(f"the {name.decode()} body has no end")
        left = inflate.unused_data
    return bytes(out)


def _from_brotli(body: bytes) -> bytes:
    import brotli  # noqa: PLC0415 - most loads never see it

    unpack = brotli.Decompressor()
    out = bytearray()
    try:
        piece = unpack.process(body, output_buffer_limit=1 << 16) if body else b""
        while piece and len(out) <= LONGEST_BODY_BYTES:
            out += piece
            piece = unpack.process(b"", output_buffer_limit=1 << 16)
    except brotli.error as error:
        raise NotReadable(f"the br body cannot be unpacked: {error}") from error
    if len(out) <= LONGEST_BODY_BYTES and body and not unpack.is_finished():
        raise NotReadable("the br body has no end")
    return bytes(out)
