"""Content decoding piece by piece, bounded."""

import gzip
import zlib

import brotli
import pytest

from hybridcheck.transport.decoding import PIECE_BYTES, NotDecodable, decoder_for

TEXT = bytes(range(256)) * 400


def raw_deflate(data: bytes) -> bytes:
    """Deflate without its zlib header, as some servers send it."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


ENCODED = {
    "": TEXT,
    "identity": TEXT,
    "gzip": gzip.compress(TEXT),
    "GZIP": gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:]),
    "x-gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    " deflate": raw_deflate(TEXT),
    "br": brotli.compress(TEXT),
}


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("piece_bytes", [1, 7, 1000, 10**6])
def test_decodes_whatever_the_pieces(encoding: str, piece_bytes: int) -> None:
    """The same bytes come out, however they came in."""
    decoder = decoder_for(encoding)
    data = ENCODED[encoding]
    pieces = [data[i : i + piece_bytes] for i in range(0, len(data), piece_bytes)]
    assert b"".join(decoder.feed(piece, 10**6) for piece in pieces) == TEXT
    decoder.finish()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_stops_soon_after_the_bound(encoding: str) -> None:
    """A bomb gives the bound and little more, which shows that there is more."""
    bomb = {"gzip": gzip.compress(bytes(10**7)), "deflate": zlib.compress(bytes(10**7))}.get(encoding)
    out = decoder_for(encoding).feed(bomb or brotli.compress(bytes(10**7)), 1000)
    assert 1000 < len(out) <= 1000 + 4 * PIECE_BYTES


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_cut_stream_is_not_whole(encoding: str) -> None:
    """What is missing at the end is said."""
    decoder = decoder_for(encoding)
    decoder.feed(ENCODED[encoding][:-5], 10**6)
    with pytest.raises(NotDecodable):
        decoder.finish()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_other_bytes_are_refused(encoding: str) -> None:
    """Plain text under a content encoding."""
    with pytest.raises(NotDecodable):
        decoder_for(encoding).feed(b"this is plain text", 10**6)


@pytest.mark.parametrize("encoding", ["zstd", "gzip, br", "gzip, gzip", "\x1b[31m"])
def test_what_was_not_asked_for_is_refused(encoding: str) -> None:
    """Unknown encodings, and several on top of each other."""
    with pytest.raises(NotDecodable, match="not asked for"):
        decoder_for(encoding)
