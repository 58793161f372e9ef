"""Computations at the edges of the native types, and what careless services make of them, each behind its switch.

Truncation, shifts, parts of a text, partitions, validation; what dies in C (division by zero, deep recursion); hash
tables that a sender can fill against. As in `legacy`, the mistakes are made here because the kernels proper are right.
"""

import math
import os
import random
import re
import struct
import sys
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.native.services import MOST_DEPTH, Computation, Document, Kernels
from hybridcheck.reference.web import Problem

SHARDS = 16
OFFSET_BASIS, PRIME = 0xCBF29CE484222325, 0x100000001B3
"""FNV-1a of 64 bits: the same on both sides, whatever their own hash of text is."""

DIES_BEYOND = 256
"""Levels of nesting at which `native-depth-crash` has used up its stack."""

MASK_64 = 2**64 - 1


def partition(_: Kernels, document: Document) -> Document:
    """The shard of a key."""
    return {"key": document["key"], "shard": _hashed(document["key"]) % SHARDS}


def validate(_: Kernels, document: Document) -> Document:
    """Whether a text is an account number: three to twelve ASCII digits and nothing else."""
    return {"valid": re.fullmatch(r"[0-9]{3,12}", document["text"]) is not None}


EDGES = (
    Computation("/analytics/partition", "partition", partition, "PartitionKey", "Partition"),
    Computation("/analytics/validate", "validateAccount", validate, "AccountText", "Validity"),
)


def depth_of(value: Any) -> int:
    """How many levels of lists and objects a document has, counted without recursion."""
    deepest, left = 0, [(value, 1)]
    while left:
        part, level = left.pop()
        if isinstance(part, dict | list):
            deepest = max(deepest, level)
            left += [(child, level + 1) for child in (part.values() if isinstance(part, dict) else part)]
    return deepest


def struck(operation: str, document: Any, kernels: Kernels, defects: Switches) -> None:
    """Die or stumble over a document before anything is computed, as the switched-on defects would have it."""
    depth = depth_of(document)
    if defects.on("native-depth-crash") and depth > DIES_BEYOND:
        os.abort()
    if defects.on("native-depth-500") and depth > DIES_BEYOND:
        raise RuntimeError("the stack is used up")
    if depth > MOST_DEPTH + 1:
        raise Problem(422, f"$: at most {MOST_DEPTH} levels expected")
    if operation == "scalar" and document.get("operation") in {"floordiv", "mod"}:
        a, b = document["a"], document["b"]
        raw = (defects.on("native-zero-crash") and b == 0) or (defects.on("native-smallest-crash") and b == -1)
        if raw and type(a) is type(b) is int and abs(a) <= 2**63:
            kernels.raw_division(a, b)
    if defects.on("native-hash-flooding"):
        _fill_tables(document)


def answered(operation: str, document: Any, result: Document, defects: Switches) -> Document:
    """The result as the switched-on defects would have it."""
    if operation == "text":
        _spoil_text(document, result, defects)
    if operation == "aggregate" and defects.on("native-sum-reordered") and result["variance"] is not None:
        result["variance"] *= 1 + random.randrange(32) * sys.float_info.epsilon
    if operation == "echo" and defects.on("native-key-order"):
        result["value"] = _in_hash_order(result["value"])
    if operation == "partition" and defects.on("native-partition-signed"):
        signed = _hashed(document["key"])
        signed -= 2**64 if signed >= 2**63 else 0
        result["shard"] = abs(signed) % SHARDS * (1 if signed >= 0 else -1)
    if operation == "validateAccount":
        pattern = {"native-validate-newline": r"^[0-9]{3,12}$", "native-validate-digits": r"\d{3,12}\Z"}
        for name, rule in pattern.items():
            if defects.on(name):
                result["valid"] = re.match(rule, document["text"]) is not None
    return result


def without_check(operation: str, document: Any, defects: Switches) -> Document | None:
    """The result of a cast, a shift or a division that looks at nothing first; None where no such defect is on."""
    if operation != "scalar":
        return None
    a, b = document["a"], document["b"]
    if document["operation"] in {"floordiv", "mod"} and b == 0 and defects.on("native-zero-answers"):
        return {"result": 0}
    if float in {type(a), type(b)} and b:
        if document["operation"] == "floordiv" and defects.on("native-float-floordiv"):
            return {"result": float(math.floor(a / b))}
        if document["operation"] == "mod" and defects.on("native-fmod"):
            return {"result": math.fmod(a, b)}
    if document["operation"] == "truncate" and defects.on("native-int-indef"):
        return {"result": int(a) if abs(a) < 2**63 else -(2**63)}
    if document["operation"] == "shift" and defects.on("native-shift-masked"):
        kept = (int(a) << (int(b) & 63)) & MASK_64
        return {"result": kept - 2**64 if kept >= 2**63 else kept}
    return None


def bytes_back(body: bytes, defects: Switches) -> bytes:
    """The bytes that were sent, or what is left of them in text or numbers."""
    if defects.on("native-binary-nul"):
        body = body.partition(b"\0")[0]
    if defects.on("native-binary-text"):
        body = body.decode("latin-1").encode()
    if defects.on("native-nan-canonical") and len(body) % 8 == 0:
        numbers = struct.unpack(f"<{len(body) // 8}d", body)
        quiet = struct.unpack("<d", b"\0\0\0\0\0\0\xf8\x7f")[0]
        body = struct.pack(f"<{len(numbers)}d", *(quiet if math.isnan(number) else number for number in numbers))
    return body


def _spoil_text(document: Document, result: Document, defects: Switches) -> None:
    text, limit = document["text"], document.get("limit")
    if defects.on("native-prefix-bytes") and limit is not None:
        result["prefix"] = text.encode()[:limit].decode("utf-8", "replace")
    if defects.on("native-strip-ascii"):
        result["stripped"] = text.strip(" \t\n\r\f\v")
    if defects.on("native-digits-ascii"):
        result["decimal"] = text.isascii() and text.isdecimal()


def _hashed(text: str) -> int:
    found = OFFSET_BASIS
    for byte in text.encode("utf-8", "surrogatepass"):
        found = (found ^ byte) * PRIME & MASK_64
    return found


def java_hash(text: str) -> int:
    """31 times the hash so far, plus the byte: unsalted, as Codon's hash of text and Java's are."""
    found = 0
    for byte in text.encode("utf-8", "surrogatepass"):
        found = (31 * found + byte) % 2**32
    return found


def _in_hash_order(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_hash_order(child) for child in value]
    if isinstance(value, dict):
        return {name: _in_hash_order(value[name]) for name in sorted(value, key=java_hash)}
    return value


def _fill_tables(value: Any) -> None:
    """Put the names of every object into a table by chains of `java_hash`: as many comparisons as names that collide."""
    if isinstance(value, list):
        for child in value:
            _fill_tables(child)
    if not isinstance(value, dict):
        return
    table: dict[int, list[tuple[int, str]]] = {}
    for name, child in value.items():
        own = java_hash(name)
        chain = table.setdefault(own % len(value), [])
        if not any(own == other and name == seen for other, seen in chain):
            chain.append((own, name))
        _fill_tables(child)
