"""Defects of streams that show only while there is load (over 30 requests/s to the datasets for 1.5 s)."""

from hybridcheck.reference.defect import Defect

_WHERE = "gateway/strained_streams.py"

IN_STREAMS_UNDER_LOAD: tuple[Defect, ...] = (
    Defect(
        "stream-late-under-load",
        "under load half of the listeners get their events only every three seconds",
        "load.stream-delay",
        _WHERE,
    ),
    Defect("stream-lossy-under-load", "under load every twentieth event is lost", "load.stream-order", _WHERE),
    Defect(
        "stream-shuffled-under-load",
        "under load every twentieth event comes after the one that follows it",
        "load.stream-order",
        _WHERE,
    ),
    Defect("streams-cut-under-load", "under load streams are cut off again and again", "load.stream-served", _WHERE),
    Defect("streams-refused-under-load", "under load new streams are refused with 503", "load.stream-served", _WHERE),
)
