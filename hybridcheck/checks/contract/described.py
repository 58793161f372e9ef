"""Does the target keep what its own OpenAPI document says."""

from collections.abc import Iterator
from functools import partial

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import ReadCheck, Scene, WriteCheck
from hybridcheck.checks.contract.bodies import labelled_json
from hybridcheck.checks.operations import ask_for, json_body, operation_in, operations, params_of
from hybridcheck.checks.repeats import ask_until_good, describe, judge_repeats
from hybridcheck.checks.resources import (
    ask_about,
    ask_to_make,
    creators,
    lifecycle_in,
    lifecycle_params,
    new_marker,
)
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.openapi.document import Described, Description, NotADescription, read
from hybridcheck.openapi.schemas import NotUsable, schema_complaint
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, ReadTarget, WriteTarget
from hybridcheck.verdict import Finding, Outcome, failed, passed, undecided

DOCUMENT = "document"
OPERATIONS = "operations"
MOST_OPERATIONS = 200
NEEDS = "openapi: /openapi.json"
WRITE_ROUNDS = 2


class MatchesOpenApi(ReadCheck):
    """Operations answer what the target's own OpenAPI document says.

    Fetches the document (OpenAPI 3.x or Swagger 2.0, JSON or YAML) and sends the declared request of each operation
    of the read class. Where the document describes it, the answer's status has to be documented, its media type has
    to be one of that status, and a JSON body has to fit the schema; `pattern` is not judged. A wrong answer is
    repeated; three of three are a fail. What the document does not describe is named and not judged; where that is
    everything, the case stays undecided. One more case is about the document itself: it has to be readable and its
    references have to lead somewhere.
    """

    id = "contract.matches-openapi"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    suite = "api"
    remedy = "Make the document from the code that answers, or correct whichever of the two is wrong."
    refs = ("OpenAPI 3.1.1", "CWE-1059", "OWASP API9:2023")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case for the document, and one for the operations that read."""
        path = scene.profile.openapi
        if path is None:
            yield Unmet(subject=DOCUMENT, needs=NEEDS)
            return
        yield Case(check=self.id, subject=DOCUMENT, params={"path": path})
        found = [params_of(operation, suite) for suite, operation in operations(scene)][:MOST_OPERATIONS]
        if found:
            yield Case(check=self.id, subject=OPERATIONS, params={"path": path, OPERATIONS: found})
        else:
            yield Unmet(subject=OPERATIONS, needs="operations: [GET /path]")

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Fetch the document, and send each request that it describes."""
        document = await _fetch(target, case)
        _, description = _read(document)
        if description is None:
            return
        for number, operation in enumerate(_operations_in(case), 1):
            if _described(description, operation) is not None:
                complain = partial(_complaint_or_none, description, operation)
                await ask_until_good(target, f"op{number}", ask_for(operation), complain)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """The document's own faults, or what answers and the document say differently."""
        if OPERATIONS not in case.params:
            return _judge_document(evidence)
        description = description_in(evidence.exchange(DOCUMENT))
        expected = f"operations answer as {case.params['path']} says"
        found = {
            operation.id: _judge_operation(description, operation, evidence, f"op{number}", expected)
            for number, operation in enumerate(_operations_in(case), 1)
            if _described(description, operation) is not None
        }
        left = [operation.id for operation in _operations_in(case) if operation.id not in found]
        if not found:
            return undecided(Reason.SHALLOW, expected, f"the document describes none of {', '.join(left)[:300]}")
        return _worst(found, expected, f"; not described: {', '.join(left)[:300]}" if left else "")


def _operations_in(case: Case) -> tuple[Operation, ...]:
    return tuple(operation_in(params) for params in case.params.get(OPERATIONS, ()))


def _complaint_or_none(description: Description, operation: Operation, exchange: Exchange) -> str | None:
    try:
        return complaint_of(description, operation.path, exchange)
    except Undecided:
        return None  # the judge says why


def _judge_operation(
    description: Description, operation: Operation, evidence: Evidence, label: str, expected: str
) -> Finding:
    try:
        finding = judge_repeats(evidence, label, expected, lambda e: complaint_of(description, operation.path, e))
    except Undecided as shallow:
        return undecided(shallow.reason, expected, shallow.why)
    first = next(iter(evidence.exchanges(label)), None)
    if finding.outcome is Outcome.PASS and first is not None and first.status not in operation.expect.status:
        text = f"documented, but not the answer that was asked for: {describe(first)}"
        return undecided(Reason.SHALLOW, expected, text, exchanges=finding.exchanges)
    return finding


def _worst(found: dict[str, Finding], expected: str, rest: str) -> Finding:
    """The failed operations, else the undecided ones, else a pass over all."""
    numbers = tuple(number for finding in found.values() for number in finding.exchanges)
    for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE):
        bad = {name: finding for name, finding in found.items() if finding.outcome is outcome}
        if bad:
            text = "; ".join(f"{name}: {finding.observed}" for name, finding in list(bad.items())[:3])
            shown = tuple(number for finding in bad.values() for number in finding.exchanges)
            first = next(iter(bad.values()))
            return first.model_copy(update={"observed": text + rest, "exchanges": shown, "n": len(found)})
    return passed(expected, f"{len(found)} operations as documented{rest}", exchanges=numbers, n=len(found))


class WritesMatchOpenApi(WriteCheck):
    """What operations that create, read and change resources answer is what the OpenAPI document says.

    As `contract.matches-openapi`, for operations that need a resource: creates one, reads it back and changes it where
    the profile says how. A wrong answer is provoked a second time with a new resource; two of two are a fail.
    """

    id = "contract.writes-match-openapi"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    remedy = MatchesOpenApi.remedy
    refs = MatchesOpenApi.refs

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per creating operation."""
        path, found = scene.profile.openapi, list(creators(scene))
        if path is None or not found:
            missing = NEEDS if path is None else "creates: true, id_from and cleanup at an operation that creates"
            yield Unmet(subject=DOCUMENT if path is None else "operations", needs=missing)
            return
        for suite, operation in found:
            params = {"path": path, **lifecycle_params(scene, operation, suite)}
            yield Case(check=self.id, subject=operation.id, params=params)

    async def probe(self, case: Case, target: WriteTarget) -> None:
        """Fetch the document; create, read and change; again where the document says otherwise."""
        document = await _fetch(target, case)
        for number in range(1, WRITE_ROUNDS + 1):
            exchanges = await _write_round(case, target, f"round{number}")
            try:
                if first_complaint(description_in(document), case, exchanges) is None:
                    return
            except Undecided:
                return

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass on one round as documented, fail on two that are not."""
        lifecycle = lifecycle_in(case.params)
        expected = f"{lifecycle.create.id} and its companions answer as {case.params['path']} says"
        description = description_in(evidence.exchange(DOCUMENT))
        rounds = [evidence.exchanges(f"round{number}") for number in range(1, WRITE_ROUNDS + 1)]
        lived = [exchanges for exchanges in rounds if exchanges]
        details = {"exchanges": tuple(e.n for exchanges in lived for e in exchanges), "n": len(lived)}
        if not lived:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "nothing was recorded")
        if any(exchange.status == 429 for exchanges in lived for exchange in exchanges):
            return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)", **details)
        complaints = [first_complaint(description, case, exchanges) for exchanges in lived]
        if complaints[0] is None and lived[0][0].status not in lifecycle.create.expect.status:
            return undecided(Reason.SHALLOW, expected, f"nothing was created: {describe(lived[0][0])}", **details)
        if complaints[0] is None:
            return passed(expected, f"{len(lived[0])} answers as documented", **details)
        if len(lived) < WRITE_ROUNDS:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{complaints[0]}; not repeated", **details)
        if complaints[1] is None:
            return undecided(Reason.FLAKY, expected, f"not every time: {complaints[0]}", **details)
        return failed(expected, complaints[1], **details)


async def _fetch(target: ReadTarget, case: Case) -> Exchange:
    headers = (("Accept", "application/json, application/yaml, */*;q=0.5"),)
    return await target.read(DOCUMENT, Ask("GET", str(case.params["path"]), headers=headers))


async def _write_round(case: Case, target: WriteTarget, label: str) -> tuple[Exchange, ...]:
    """Create, read and change; labels end in the companion's name."""
    lifecycle, owner = lifecycle_in(case.params), lifecycle_in(case.params).create.identity
    create = lifecycle.create
    ask = ask_to_make(create, new_marker(target))
    made, resource = await target.create(f"{label}.create", ask, cleanup=create.cleanup, id_from=create.id_from)
    exchanges = [made]
    if resource and lifecycle.read_back is not None:
        read_ask = ask_about(lifecycle.read_back, resource, identity=owner)
        exchanges.append(await target.read(f"{label}.read_back", read_ask))
    if resource and lifecycle.update is not None:
        change = ask_about(lifecycle.update, resource, new_marker(target), identity=owner)
        exchanges.append(await target.write(f"{label}.update", change))
    return tuple(exchanges)


def first_complaint(description: Description, case: Case, exchanges: tuple[Exchange, ...]) -> str | None:
    """The first answer of a round that is not as documented, in words.

    Raises:
        Undecided: SHALLOW where the document says nothing that could be judged.
    """
    lifecycle = lifecycle_in(case.params)
    companions = {"create": lifecycle.create, "read_back": lifecycle.read_back, "update": lifecycle.update}
    judged = 0
    for exchange in exchanges:
        operation = companions[exchange.label.rpartition(".")[2]]
        if operation is None or _described(description, operation) is None:
            continue
        judged += 1
        complaint = complaint_of(description, operation.path, exchange)
        if complaint is not None:
            return f"{operation.id}: {complaint}"
    if not judged:
        raise Undecided(Reason.SHALLOW, f"the document describes none of {lifecycle.create.id} and its companions")
    return None


def description_in(document: Exchange) -> Description:
    """The description that was fetched.

    Raises:
        Undecided: NO_TEST_DATA where it is none; the case of the document itself says so.
    """
    fault, description = _read(document)
    if description is None:
        raise Undecided(Reason.NO_TEST_DATA, f"the OpenAPI document cannot be read: {fault}")
    return description


def _described(description: Description, operation: Operation) -> Described | None:
    return description.find(operation.method, operation.path) or description.find(
        operation.method, operation.url_path()
    )


def complaint_of(description: Description, path: str, exchange: Exchange) -> str | None:
    """What an answer has that the document does not say; None where they agree.

    Raises:
        Undecided: SHALLOW where the documented schema cannot be used.
    """
    response = exchange.response
    if response is None or exchange.status is None:
        return describe(exchange)
    described = description.find(exchange.request.method, path)
    if described is None:
        return None
    answer = described.answer(response.status)
    if answer is None:
        documented = ", ".join(answer.status for answer in described.answers) or "none"
        return f"status {response.status} is not documented (documented: {documented})"
    if not answer.media_types or response.body.size_bytes == 0 or exchange.request.method == "HEAD":
        return None
    schema = _schema_for(answer.media_types, response.media_type)
    if schema is MISSING:
        return f"content type {response.media_type or 'none'} is not documented ({', '.join(answer.media_types)})"
    return _body_complaint(description, schema, exchange)


MISSING: Json = object()
"""No documented media type fits."""


def _schema_for(media_types: dict[str, Json], media_type: str) -> Json:
    kind = media_type.partition("/")[0]
    return next((media_types[name] for name in (media_type, f"{kind}/*", "*/*") if name in media_types), MISSING)


def _body_complaint(description: Description, schema: Json, exchange: Exchange) -> str | None:
    if schema is None or not labelled_json(exchange):
        return None
    try:
        body = json_body(exchange)
    except ValueError as error:
        return f"the body is not JSON: {error}"
    try:
        return schema_complaint(description, schema, body)
    except NotUsable as unusable:
        raise Undecided(Reason.SHALLOW, str(unusable)) from unusable


def _read(document: Exchange) -> tuple[str, Description | None]:
    """Why the document cannot be read, or the document."""
    if document.status != 200 or document.response is None:
        return describe(document), None
    try:
        return "", read(document.response.body.content())
    except NotADescription as fault:
        return str(fault), None


def _judge_document(evidence: Evidence) -> Finding:
    expected = "the OpenAPI document is readable and whole"
    document = evidence.exchange(DOCUMENT)
    details = {"exchanges": (document.n,), "n": 1}
    if document.status in {429, 502, 503, 504} or document.failure is not None:
        return undecided(Reason.FLAKY, expected, describe(document), **details)
    fault, description = _read(document)
    if description is None:
        return failed(expected, fault, **details)
    if description.faults:
        return failed(expected, "; ".join(description.faults[:3]), **details)
    if not description.operations:
        return undecided(Reason.SHALLOW, expected, "it describes no operation", **details)
    text = f"{len(description.operations)} operations, dialect {description.dialect}"
    return passed(expected, text, **details)
