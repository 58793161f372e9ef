"""Defects of the native service's numbers, text, JSON, order and time: what C, and Codon before 0.20, make of them."""

from hybridcheck.reference.defect import Defect

HERE = "native/legacy.py"

IN_NATIVE_SEMANTICS: tuple[Defect, ...] = (
    Defect(
        "native-wrap64", "sums and powers of integers wrap at 64 bits", "numeric.sum-overflow", HERE, signature="WRAP64"
    ),
    Defect(
        "native-indef",
        "a sum beyond 64 bits is -2^63, as x86 casts a double",
        "numeric.sum-overflow",
        HERE,
        signature="INDEF",
    ),
    Defect(
        "native-read-wrap64",
        "integers beyond 64 bits wrap when they are read",
        "numeric.int64-edges",
        HERE,
        signature="WRAP64",
    ),
    Defect(
        "native-sat64",
        "integers beyond 64 bits are read as the largest or smallest",
        "numeric.int64-edges",
        HERE,
        signature="SAT64",
    ),
    Defect("native-minus1", "integers beyond 64 bits are read as -1", "numeric.int64-edges", HERE, signature="MINUS1"),
    Defect("native-dbl53", "integers are read through a double", "numeric.int64-edges", HERE, signature="DBL53"),
    Defect("native-g6", "floats are written with six digits", "numeric.float-fidelity", HERE, signature="G6"),
    Defect("native-f32", "floats are read into 32 bits", "numeric.float-fidelity", HERE, signature="F32"),
    Defect(
        "native-int-token", "whole floats are written as integers", "numeric.type-stable", HERE, signature="INTTOKEN"
    ),
    Defect("native-inf", "a result that is out of range is written as the token inf", "numeric.no-nonfinite", HERE),
    Defect(
        "native-truncdiv",
        "floor division rounds towards zero",
        "numeric.division-semantics",
        HERE,
        signature="TRUNCDIV",
    ),
    Defect(
        "native-cmod",
        "the remainder has the sign of the dividend",
        "numeric.division-semantics",
        HERE,
        signature="CMOD",
    ),
    Defect("native-halfaway", "ties are rounded away from zero", "numeric.rounding", HERE, signature="HALFAWAY"),
    Defect("native-pow-zero", "an integer to a negative power is 0", "numeric.pow-shift", HERE),
    Defect(
        "native-naivesum",
        "floats are added without compensation",
        "numeric.summation-accuracy",
        HERE,
        signature="NAIVESUM",
    ),
    Defect("native-onepass", "the variance of fractions is computed in one pass", "numeric.statistics-stable", HERE),
    Defect("native-nul-cut", "text ends at the first NUL", "text.unicode-roundtrip", HERE, signature="NUL"),
    Defect(
        "native-mojibake",
        "UTF-8 is taken for Latin-1 and encoded again",
        "text.unicode-roundtrip",
        HERE,
        signature="MOJI",
    ),
    Defect(
        "native-surrogates",
        "characters outside ASCII become lone surrogates",
        "text.unicode-roundtrip",
        HERE,
        signature="SURR",
    ),
    Defect("native-byte-limit", "text is cut after 32 bytes", "text.unicode-roundtrip", HERE, signature="CUT"),
    Defect("native-bytelen", "length counts bytes", "text.length-unit", HERE, signature="BYTELEN"),
    Defect("native-utf16len", "length counts UTF-16 units", "text.length-unit", HERE, signature="UTF16LEN"),
    Defect("native-asciiup", "only ASCII letters get capitals", "text.case-rules", HERE, signature="ASCIIUP"),
    Defect("native-unescaped", "of what JSON has to escape only quotes are", "text.escape-safe", HERE),
    Defect("native-nameless-lost", "members with an empty name are lost", "json.accepts-valid", HERE),
    Defect("native-late-type", "a list is read by the type of its first five items", "json.late-element-type", HERE),
    Defect(
        "native-ties-reversed",
        "rows of equal score come out in reverse",
        "ordering.stable-ranking",
        HERE,
        signature="TIESREV",
    ),
    Defect(
        "native-hash-order",
        "rows of equal score come out in the order of a hash",
        "ordering.stable-ranking",
        HERE,
        signature="HASHORD",
    ),
    Defect("native-offset-dropped", "the offset of an instant is ignored", "time.offsets-kept", HERE, signature="TZK"),
    Defect(
        "native-now-for-past",
        "an instant before 1970 becomes the present",
        "time.epochs-kept",
        HERE,
        signature="NOWSUB",
    ),
    Defect(
        "native-local-time",
        "instants are written two hours late and called UTC",
        "time.epochs-kept",
        HERE,
        signature="TZK",
    ),
    Defect(
        "native-clock-local",
        "the native service tells local time and calls it UTC",
        "time.clock-true",
        HERE,
        signature="TZK",
    ),
    # at the edge, which reads for both runtimes
    Defect(
        "json-trailing-comma",
        "a comma before the end of a list or object is read over",
        "json.rejects-malformed",
        "web.py",
    ),
    Defect(
        "native-lone-number",
        "the native service takes one number for a list of one, its twin does not",
        "json.types-agree",
        "dispatch.py",
    ),
)
