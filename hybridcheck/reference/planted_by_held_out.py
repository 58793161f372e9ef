"""Defects that somebody who had not read the checks thought of, and that no check found (docs/held-out.md)."""

from hybridcheck.reference.defect import Defect

BY_HELD_OUT: tuple[Defect, ...] = (
    Defect(
        "expired-on-streams",
        "streams take tokens whose time is over",
        "streams.refuse-expired",
        "gateway/authentication.py",
    ),
    Defect(
        "ready-though-native-down",
        "readiness stays good while the native service is down",
        "health.readiness-tells-outage",
        "gateway/operations.py",
    ),
    Defect(
        "total-of-page",
        "the total of a list is the size of its page",
        "contract.list-total-true",
        "gateway/datasets.py",
    ),
    Defect(
        "nosniff-lost-on-errors",
        "errors lack X-Content-Type-Options",
        "headers.nosniff-on-errors",
        "dispatch.py",
    ),
)
