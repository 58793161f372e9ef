"""What an answer says about the target's clock."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from hybridcheck.cases import Json
from hybridcheck.evidence import Exchange

DATE_LAG_S = 2.0
"""A Date header is at most this old: it has whole seconds, and servers renew it once a second."""


def date_of(exchange: Exchange) -> float | None:
    """The Date header in UTC seconds, plus the Age that a cache adds; None where there is none."""
    response = exchange.response
    value, age = (response.header("date"), response.header("age") or "") if response is not None else (None, "")
    try:
        date = parsedate_to_datetime(value).timestamp() if value else None
    except (ValueError, OverflowError):
        return None
    return date + int(age) if date is not None and age.isascii() and age.isdigit() and len(age) < 10 else date


def stamp_of(value: Json) -> float | None:
    """A stamp as UTC seconds: ISO 8601 (UTC where it names no zone) or Unix seconds; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
