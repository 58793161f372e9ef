"""What every part of a profile is made of: the strict base and its scalars."""

import re
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from hybridcheck.cases import Frozen

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]
Path = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^/")]
Url = Annotated[str, StringConstraints(min_length=8, max_length=2000, pattern=r"^https?://[^\s/]+")]
Ratio = Annotated[float, Field(ge=0, le=1)]
ErrorRatio = Annotated[float, Field(ge=0, lt=1)]
"""A share of errors that is allowed: all of them would be no limit."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class Strict(Frozen):
    """A part of the profile: keys in any of their names, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def sendable_headers(value: dict[str, str]) -> dict[str, str]:
    """Headers as they are; a name or a value that no HTTP message can carry is refused, the value unsaid (RFC 9110, 5)."""
    for name, text in value.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise ValueError(f"{name[:60]!r} is no name of a header: letters, digits and -")
        if not re.fullmatch(r"[\t -~\x80-\xff]*", text):
            raise ValueError(f"the value of {name[:60]} cannot be sent: a line break, or a letter beyond Latin-1")
    return value


Headers = Annotated[dict[str, str], AfterValidator(sendable_headers)]
