"""Defects at the edges of the native types: ranges, cuts, collisions, and what two sides of a boundary see differently."""

from hybridcheck.reference.defect import Defect

HERE = "native/edges.py"

IN_NATIVE_EDGES: tuple[Defect, ...] = (
    Defect(
        "native-int-indef",
        "a float beyond 64 bits is cast to -2^63",
        "numeric.float-to-int",
        HERE,
        signature="INDEF",
    ),
    Defect(
        "native-sum-reordered",
        "terms of a variance are added in another order each time, as by threads",
        "operations.deterministic",
        HERE,
        signature="REORDER",
    ),
    Defect(
        "codon-trace",
        "problem documents show where in the Codon source the exception was raised",
        "exposure.no-stack-trace",
        "dispatch.py",
        signature="LEAKCODON",
    ),
    Defect(
        "native-shift-masked",
        "a shift takes only six bits of its count",
        "numeric.shift-range",
        HERE,
        signature="SHIFT64",
    ),
    Defect(
        "native-prefix-bytes",
        "the first n characters are the first n bytes",
        "text.prefix-whole",
        HERE,
        signature="CUT",
    ),
    Defect("native-strip-ascii", "only ASCII blanks are stripped", "text.strip-rules", HERE),
    Defect("native-digits-ascii", "only ASCII digits are digits", "text.digit-rules", HERE),
    Defect(
        "native-key-order",
        "the members of an object come out in the order of a hash",
        "ordering.keys-kept",
        HERE,
        signature="HASHORD",
    ),
    Defect(
        "native-partition-signed",
        "the shard of a key is the remainder of a signed hash, as C computes it",
        "boundary.partitions-agree",
        HERE,
        signature="CMOD",
    ),
    Defect(
        "native-validate-newline",
        "the native validator takes a text with a newline at its end",
        "boundary.validators-agree",
        HERE,
    ),
    Defect(
        "native-validate-digits",
        "the native validator takes digits of every script",
        "boundary.validators-agree",
        HERE,
    ),
    Defect("native-binary-nul", "bytes come back up to the first NUL", "boundary.binary-kept", HERE, signature="NUL"),
    Defect(
        "native-binary-text",
        "bytes are taken for Latin-1 and written as UTF-8",
        "boundary.binary-kept",
        HERE,
        signature="MOJI",
    ),
    Defect("native-nan-canonical", "every NaN becomes the same one", "boundary.binary-kept", HERE),
    Defect(
        "native-hash-flooding",
        "names are looked up by a hash without salt, whose collisions anybody can compute",
        "json.hash-flooding-resisted",
        HERE,
    ),
    Defect(
        "duplicate-first-wins",
        "of two members of one name the native side takes the first, its twin the last",
        "json.duplicates-agree",
        "web.py",
    ),
    Defect(
        "unknown-members-dropped",
        "the native side drops unknown members, its twin refuses them",
        "json.duplicates-agree",
        "dispatch.py",
    ),
    Defect(
        "native-zero-crash",
        "an integer is divided by zero without a look at it: the process dies",
        "numeric.zero-division",
        HERE,
        signature="CRASH",
        allow="abuse",
    ),
    Defect("native-zero-answers", "an integer by zero is 0", "numeric.zero-division", HERE, allow="abuse"),
    Defect(
        "native-depth-crash",
        "a document of more than 256 levels uses up the stack: the process dies",
        "json.depth-survived",
        HERE,
        signature="CRASH",
        allow="abuse",
    ),
    Defect(
        "native-depth-500",
        "a document of more than 256 levels gets a server error",
        "json.depth-survived",
        HERE,
        allow="abuse",
    ),
    Defect(
        "generation-misdeclared",
        "the operator says that the native service computes as Codon before 0.20 does",
        "boundary.runtime-fingerprint",
        "launcher.py",
    ),
)
