"""Defects of the native service's socket layer and of what it does with hostile or impatient clients, and of how errors are told."""

from hybridcheck.reference.defect import Defect

HERE, SURFACE = "native/naive_host.py", "dispatch.py"

IN_WIRE: tuple[Defect, ...] = (
    Defect(
        "wire-body-one-recv",
        "a body beyond 64 KiB is cut: it is read with one recv",
        "protocol.body-ladder",
        HERE,
    ),
    Defect(
        "wire-first-segment-only",
        "a body that comes after the head's segment is not waited for",
        "protocol.segmented-request",
        HERE,
    ),
    Defect("wire-framing-lenient", "of two lengths of a body the last one counts", "protocol.framing-strict", HERE),
    Defect(
        "wire-one-send",
        "an answer is written with one send: what does not fit is lost",
        "protocol.large-response",
        HERE,
    ),
    Defect(
        "wire-keepalive-dropped",
        "a kept connection is closed after ten requests without saying so",
        "protocol.keepalive-reused",
        HERE,
    ),
    Defect(
        "wire-serial-accept",
        "the accept loop reads the first request of each connection",
        "protocol.idle-isolated",
        HERE,
    ),
    Defect(
        "wire-abort-kills",
        "a client that resets its connection ends the process (SIGPIPE)",
        "survival.client-abort",
        HERE,
        signature="CRASH",
    ),
    Defect(
        "wire-bad-input-kills",
        "a wrong element at the end of a long list ends the process",
        "survival.bad-input",
        HERE,
        signature="CRASH",
    ),
    Defect(
        "wire-index-unchecked",
        "a page beyond the end of a list shows somebody else's rows",
        "survival.index-bounds",
        "native/wire.py",
    ),
    Defect("error-body-as-200", "415 is answered with 200 and the error's body", "boundary.no-false-success", SURFACE),
    Defect("errors-untraced", "errors do not name their trace", "boundary.errors-correlated", SURFACE),
    Defect("console-in-errors", "404 quotes what the native runtime printed", "exposure.no-console-output", SURFACE),
    Defect("wire-header-case", "header names in upper case are not known", "protocol.header-case", HERE),
    Defect("gzip-mislabelled", "an answer says gzip and is not", "protocol.encodings-honoured", SURFACE),
    Defect("query-decoded-twice", "a query is decoded twice", "protocol.query-decoded", "gateway/wire.py"),
    Defect("sse-text-split", "each chunk of a stream is decoded alone", "streams.text-whole", "gateway/streams.py"),
)
