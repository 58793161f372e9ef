"""What every part of a profile is made of: the strict base and its scalars."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from hybridcheck.cases import Frozen

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]
Path = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^/")]
Url = Annotated[str, StringConstraints(min_length=8, max_length=2000, pattern=r"^https?://[^\s/]+")]
Ratio = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class Strict(Frozen):
    """A part of the profile: keys in any of their names, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
