"""The signatures of mistakes that runtimes make, each in words that a developer understands."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum


class Signature(StrEnum):
    """A mistake that explains a wrong answer. Where several explain equally much, the earlier one is named."""

    WRAP64 = "WRAP64"
    SAT64 = "SAT64"
    INDEF = "INDEF"
    MINUS1 = "MINUS1"
    DBL53 = "DBL53"
    SHIFT64 = "SHIFT64"
    G6 = "G6"
    F32 = "F32"
    INTTOKEN = "INTTOKEN"
    TRUNCDIV = "TRUNCDIV"
    CMOD = "CMOD"
    HALFAWAY = "HALFAWAY"
    NAIVESUM = "NAIVESUM"
    BYTELEN = "BYTELEN"
    UTF16LEN = "UTF16LEN"
    ASCIIUP = "ASCIIUP"
    NUL = "NUL"
    CUT = "CUT"
    MOJI = "MOJI"
    SURR = "SURR"
    TIESREV = "TIESREV"
    HASHORD = "HASHORD"
    NOWSUB = "NOWSUB"
    TZK = "TZK"
    CRASH = "CRASH"
    JITWARM = "JITWARM"
    REORDER = "REORDER"
    LEAKCODON = "LEAKCODON"
    LEAKPY = "LEAKPY"


WORDS: dict[Signature, str] = {
    Signature.WRAP64: "integers wrap at 64 bits: the native side computes in int64 without a check for overflow",
    Signature.SAT64: "integers stop at the end of 64 bits: the number is cut to the largest or smallest int64",
    Signature.INDEF: "a number beyond 64 bits became -2^63: a double is cast to int64 without a check of its range",
    Signature.MINUS1: "a number beyond 64 bits became -1: a conversion failed and its error code was taken for the value",
    Signature.DBL53: "integers lose digits beyond 2^53: they pass through a double somewhere on the way",
    Signature.SHIFT64: "a shift takes six bits of its count, as processors do: by 64 it shifts by nothing",
    Signature.G6: "floats keep six significant digits: they are written with %g, as C and Codon before 0.20 do",
    Signature.F32: "floats keep 24 bits: they pass through a 32-bit float somewhere on the way",
    Signature.INTTOKEN: "whole floats are written as integers: 1.0 comes back as 1, so the JSON type depends on the value",
    Signature.TRUNCDIV: "division rounds towards zero, as in C, where Python rounds down: negative operands are one off",
    Signature.CMOD: "the remainder has the sign of the dividend, as in C, where Python gives that of the divisor",
    Signature.HALFAWAY: "ties are rounded away from zero, where Python rounds the exact binary value half to even",
    Signature.NAIVESUM: "floats are added one after the other without compensation, so small terms are lost",
    Signature.BYTELEN: "length counts bytes of UTF-8, where Python counts code points",
    Signature.UTF16LEN: "length counts UTF-16 units, where Python counts code points",
    Signature.ASCIIUP: "only ASCII letters change their case: the native side does not know Unicode's tables",
    Signature.NUL: "text ends at the first NUL: it passes through a C string somewhere on the way",
    Signature.CUT: "text is cut off, in the middle of a character where it ends in U+FFFD: a limit counts bytes",
    Signature.MOJI: "UTF-8 is read as Latin-1 or Windows-1252 somewhere on the way: each byte became a character",
    Signature.SURR: "bytes that are no UTF-8 became lone surrogates: text was decoded with 'surrogateescape'",
    Signature.TIESREV: "equal keys come out in reverse: a descending sort is an ascending one turned round",
    Signature.HASHORD: "the order is that of a hash table: neither the order of arrival nor of any key",
    Signature.NOWSUB: "a time before 1970 became the present: a negative epoch is taken for 'none given'",
    Signature.TZK: "times are off by whole quarters of an hour: a zone or offset is dropped, or local time taken for UTC",
    Signature.JITWARM: "the first request of a new shape takes long and the next ones do not: it is compiled for each shape",
    Signature.CRASH: "the process ended: a request broke off, and the service restarted or is gone",
    Signature.REORDER: "sums of floats differ from call to call in their last digits: terms are added in no fixed order",
    Signature.LEAKCODON: "an answer shows where in its Codon source an exception was raised",
    Signature.LEAKPY: "an answer shows a traceback of CPython",
}
"""What each signature says."""


def explanation(candidates: Sequence[Sequence[Signature]]) -> Signature | None:
    """The signature that explains most of the wrong answers, each given with all that explain it; None where none does.

    One wrong answer often has several explanations (-2^63 for 2^63); the others tell them apart.
    """
    votes = Counter(signature for found in candidates for signature in set(found))
    order = list(Signature)
    return min(votes, key=lambda signature: (-votes[signature], order.index(signature)), default=None)
