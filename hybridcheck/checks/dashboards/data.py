"""Do dashboards show data, and data of now."""

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.clocks import DATE_LAG_S, date_of, stamp_of
from hybridcheck.checks.operations import ask_for, json_body, operation_in, operations, params_of
from hybridcheck.checks.repeats import ask_until_good, describe, judge_repeats
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.operations import DataSpec, Operation
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding


class ShowsData(ReadCheck):
    """The base: one case per operation whose `data` declares what the promise is about."""

    severity = Severity.HIGH
    suite = "dashboard"
    lacking: ClassVar[str]

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per operation with declared data."""
        found = False
        for suite, operation in operations(scene):
            if operation.data is not None and self.declared(operation.data):
                found = True
                yield Case(check=self.id, subject=operation.id, params=params_of(operation, suite))
        if not found:
            yield Unmet(subject="dashboards", needs=f"operations: [{{request: GET /dashboard, data: {self.lacking}}}]")

    @abstractmethod
    def declared(self, data: DataSpec) -> bool:
        """Whether the declaration has what the promise needs."""

    @abstractmethod
    def complaint(self, exchange: Exchange, operation: Operation) -> str | None:
        """What is wrong with the data that an answer shows; `Undecided` where there is no answer to look at."""

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask, again where the data are not as promised."""
        operation = operation_in(case.params)

        def complain(exchange: Exchange) -> str | None:
            try:
                return self.complaint(exchange, operation)
            except Undecided:
                return None

        await ask_until_good(target, "probe", ask_for(operation), complain)

    def judge_data(self, case: Case, evidence: Evidence, expected: str) -> Finding:
        """Pass on the first answer that is as promised, fail on three that are not."""
        operation = operation_in(case.params)
        return judge_repeats(evidence, "probe", expected, lambda exchange: self.complaint(exchange, operation))


class DataPresent(ShowsData):
    """A dashboard shows data: at least one point with a finite value.

    Asks each operation that declares `data.points` and looks at the list there. No list, an empty one, or points
    without a finite number (null, NaN, text), three times of three, is a fail.
    """

    id = "dashboards.data-present"
    dimension = Dimension.FUNCTIONAL
    remedy = (
        "Follow the panel's query to its source: is it reachable, does it know the series, is the time range right?"
    )
    refs = ("ISO/IEC 25012 completeness",)
    lacking = '{points: "$.points"}'

    def declared(self, data: DataSpec) -> bool:
        """`points`."""
        return data.points is not None

    def complaint(self, exchange: Exchange, operation: Operation) -> str | None:
        """No points, or none with a value."""
        path = (operation.data.points if operation.data else None) or "$"
        try:
            points = value_at(document_of(exchange, operation), path)
        except NoSuchPath as missing:
            return str(missing)
        if not isinstance(points, list) or not points:
            return f"{path} has no points" if isinstance(points, list) else f"{path} is no list"
        return None if any(has_value(point) for point in points) else f"none of {len(points)} points has a finite value"

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Look for a point."""
        data = operation_in(case.params).data
        path = data.points if data is not None else ""
        return self.judge_data(case, evidence, f"{case.subject} shows at least one point with a finite value at {path}")


class DataFresh(ShowsData):
    """A dashboard's data are not older than they may be.

    Asks each operation that declares `data.at` and `data.max_age_s` and compares the stamp with the Date header of the
    same answer, so both are by the target's clock. An age over the limit, or a stamp from the future, three times of
    three, is a fail; Date is never ahead, so the age is never overstated.
    """

    id = "dashboards.data-fresh"
    dimension = Dimension.FUNCTIONAL
    remedy = "Look at what fills the data: a job that stopped, a cache without expiry, a replica that lags."
    refs = ("ISO/IEC 25012 currentness", "RFC 9110 §6.6.1")
    lacking = '{at: "$.generated_at", max_age_s: 60}'

    def declared(self, data: DataSpec) -> bool:
        """`at` and `max_age_s`."""
        return data.at is not None and data.max_age_s is not None

    def complaint(self, exchange: Exchange, operation: Operation) -> str | None:
        """The age, where it is too great, or no stamp."""
        path, limit_s = (operation.data.at or "$", operation.data.max_age_s) if operation.data else ("$", None)
        document = document_of(exchange, operation)
        now = date_of(exchange)
        if now is None:
            raise Undecided(Reason.NO_TEST_DATA, "the answer has no Date header to compare the stamp with")
        try:
            stamp = stamp_of(value_at(document, path))
        except NoSuchPath as missing:
            return str(missing)
        if stamp is None or limit_s is None:
            return f"{path} is neither ISO 8601 nor Unix seconds"
        age_s = now - stamp
        if -age_s > limit_s + DATE_LAG_S:
            return f"the data are from {-age_s:.0f} s in the future"
        return f"the data are {age_s:.0f} s old" if age_s > limit_s else None

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the stamp."""
        data = operation_in(case.params).data
        limit = f"{data.max_age_s:g} s" if data is not None and data.max_age_s is not None else "promised"
        return self.judge_data(case, evidence, f"the data of {case.subject} are at most {limit} old")


def document_of(exchange: Exchange, operation: Operation) -> Json:
    """The JSON document of an answer with a declared status.

    Raises:
        Undecided: where there is none; what that means is the question of `contract.answers-as-declared`.
    """
    if exchange.status not in operation.expect.status:
        raise Undecided(Reason.NO_TEST_DATA, f"{operation.id} did not answer as declared: {describe(exchange)}")
    try:
        return json_body(exchange)
    except ValueError as error:
        raise Undecided(Reason.NO_TEST_DATA, f"the body is not JSON: {error}") from error


def has_value(point: Json) -> bool:
    """Whether a point (a number, a pair such as [1700000000, "0.5"], or an object) has a finite value and no null."""
    if isinstance(point, dict | list):
        parts = list(point.values()) if isinstance(point, dict) else point
        return None not in parts and any(has_value(part) for part in parts[-1 if isinstance(point, list) else 0 :])
    if isinstance(point, str):
        try:
            return math.isfinite(float(point))
        except ValueError:
            return False
    return isinstance(point, int | float) and not isinstance(point, bool) and math.isfinite(point)
