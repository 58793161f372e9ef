"""Do bytes cross the boundary as bytes."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.operations import ask_for, operation_in
from hybridcheck.checks.vector_places import Named, declared
from hybridcheck.checks.vectors import RIGHT, Reading, State, VectorCheck
from hybridcheck.diagnosis.texts import of_bytes
from hybridcheck.evidence import Exchange
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.target import Ask

DOUBLES = struct.pack("<6d", 0.1, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"))
SINGLES = struct.pack("<4f", 0.1, -0.0, 1e-45, 3.4028234663852886e38)
NAN_PAYLOADS = bytes.fromhex("0100000000000cf8efbeaddeadde f47f000000000000f8ff".replace(" ", ""))
"""Three NaN: a quiet one with a payload, a signalling one, and a negative one; little-endian."""

BYTES: Mapping[str, bytes] = {
    "plain text": b"plain text",
    "NUL in the middle": b"a\0b",
    "line ends": b"\r\n\n\r\n\r",
    "bytes that are no UTF-8": b"caf\xe9 \xff\xfe\x80",
    "every byte": bytes(range(256)),
    "doubles, little-endian": DOUBLES,
    "32-bit floats, little-endian": SINGLES,
    "NaN with payloads": NAN_PAYLOADS,
}
"""The first one is the control."""


class BinaryKept(VectorCheck):
    """Bytes come back as they were sent.

    Sends NUL, every byte value, bytes that are no UTF-8, floats of 32 and 64 bits and NaN with payloads to the operation
    that gives back what it gets. Other bytes, twice of two, are a fail; length and SHA-256 of both are in the finding.
    """

    id = "boundary.binary-kept"
    severity = Severity.MEDIUM
    suite = "boundary"
    remedy = (
        "Pass bytes with their length, never as text or as a C string, and copy floats without computing with them."
    )
    refs = ("CWE-170", "CWE-838", "IEEE 754-2019 §6.2.3")
    needs = "probes: {binary: {operation: ID}}   # operations: [{id: ID, request: POST /bytes, safe: true}]"
    promise = "every byte comes back as it was sent"

    def probes(self, scene: Scene) -> Named:
        """The declared operation."""
        return declared("binary", scene.profile.probes.binary)

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Names and bytes, in hexadecimal."""
        return [[name, content.hex()] for name, content in BYTES.items()]

    def sent(self, vector: Json) -> str:
        """The name."""
        return str(vector[0])

    def ask(self, case: Case, vector: Json) -> Ask:
        """The declared request with these bytes for its body."""
        ask = ask_for(operation_in(case.params).model_copy(update={"body": None}))
        others = tuple(pair for pair in ask.headers if pair[0].lower() != "content-type")
        kind = ("Content-Type", str(case.params["probe"]["media_type"]))
        return replace(ask, headers=(*others, kind), body=bytes.fromhex(vector[1]))

    def answer(self, case: Case, vector: Json, exchange: Exchange, body: bytes) -> Reading:
        """The same bytes."""
        want = bytes.fromhex(vector[1])
        if body == want:
            return RIGHT
        text = f"came back as {_digest(body)} instead of {_digest(want)}"
        return Reading(State.WRONG, text, of_bytes(want, body))


def _digest(content: bytes) -> str:
    return f"{len(content)} bytes (SHA-256 {sha256(content).hexdigest()[:16]}…)"
