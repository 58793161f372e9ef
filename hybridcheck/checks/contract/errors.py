"""Are errors told in the declared format."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.contract.graphql import is_graphql
from hybridcheck.checks.operations import ask_for, json_body, operation_in, operations, params_of
from hybridcheck.checks.repeats import ask_until_good, describe, judge_repeats, sibling
from hybridcheck.checks.witnesses import EVERYTHING, RECORDED, addresses, answers_of, judge_witnesses, refuse_gaps
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, undecided

PROBLEM = "application/problem+json"
TEXTS = ("title", "detail", "instance")

NOT_THE_APPLICATION = frozenset({408, 411, 413, 414, 417, 421, 426, 429, 431, 501, 502, 503, 504, 505})
"""Errors that an HTTP server, or a proxy in front of it, also tells by itself, in its own words."""


class ErrorFormat(ReadCheck):
    """Errors are told in the declared format.

    Provokes errors by reads alone: a path that cannot exist (as somebody who is logged in, where operations need
    that), a protected operation without credentials, and an id that cannot exist. `problem+json`: the media type of
    RFC 9457, a JSON object whose `status` is the status, whose `type` is a URI reference and whose `title`, `detail`
    and `instance` are texts where they are there. `json`: a JSON object. A wrong format is provoked three times; three
    of three are a fail. An answer below 400 is no error, and leaves the case undecided. Besides, every error with
    which a declared operation answered at its own path in the run is looked at, and two in another format are a fail;
    not those that its `expect` declares, of pages (`text/html`) or GraphQL, nor what servers and proxies say by
    themselves.
    """

    id = "contract.error-format"
    judges_gaps = True
    dimension = Dimension.FUNCTIONAL
    severity = Severity.MEDIUM
    remedy = "Write errors at one place, the framework's own (404, 405, 401) included."
    refs = ("RFC 9457 §3", "CWE-756")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """Unknown path, missing credentials, unknown id: as far as the profile's operations allow."""
        wanted = scene.profile.exposure.errors
        if wanted == "any":
            yield Unmet(subject="errors", needs="exposure: {errors: problem+json}")
            return
        found = list(operations(scene))
        caller = next((op.identity for _, op in found if op.auth == "required"), None)
        provoked: dict[str, tuple[str, Operation]] = {
            "unknown path": ("api", Operation(id="unknown path", path="/", auth="optional", identity=caller))
        }
        protected = next(((suite, op) for suite, op in found if op.auth == "required"), None)
        if protected is not None:
            provoked["missing credentials"] = protected
        by_id = next(((s, op) for s, op in found if op.params and op.path.endswith("}")), None)
        if by_id is not None:
            provoked["unknown id"] = by_id
        for subject, (suite, operation) in provoked.items():
            yield Case(check=self.id, subject=subject, params={"format": wanted, **params_of(operation, suite)})
        told = [op for _, _, op in scene.profile.all_operations() if not is_page(op) and not is_graphql(op)]
        if protected is not None or any(op.creates for op in told):  # else perhaps none of them tells an error
            declared: Json = {op.id: list(op.expect.status) for op in told}
            params = {"format": wanted, "declared": declared, **addresses(scene.base_url, told)}
            yield Case(check=self.id, subject=RECORDED, params=params, shared=(EVERYTHING,))

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Provoke the error, and again where it is told wrongly; nothing for what others recorded."""
        if case.shared:
            return
        ask = _provoking(case, target)
        await ask_until_good(target, "probe", ask, lambda e: format_complaint(e, str(case.params["format"])))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on three errors in another format, or two of everything recorded."""
        if case.shared:
            return _judge_recorded(case, evidence)
        refuse_gaps(evidence)
        expected = f"{case.subject}: an error as {case.params['format']}"
        exchanges = evidence.exchanges("probe")
        unprovoked = next((e for e in exchanges if e.status is None or e.status < 400), None)
        if unprovoked is not None:
            text = f"no error was provoked: {describe(unprovoked)}"
            return undecided(Reason.CATCH_ALL, expected, text, exchanges=(unprovoked.n,))
        return judge_repeats(evidence, "probe", expected, lambda e: format_complaint(e, str(case.params["format"])))


def is_page(operation: Operation) -> bool:
    """Whether an operation serves a page, whose errors may be pages too."""
    return (operation.expect.content_type or "").lower().startswith("text/html")


def _judge_recorded(case: Case, evidence: Evidence) -> Finding:
    wanted, own = str(case.params["format"]), answers_of(case.params)

    def considered(exchange: Exchange) -> bool:
        declared = case.params["declared"].get(exchange.operation, ())
        return own(exchange) and exchange.status not in declared and of_the_application(exchange)

    expected = f"every error as {wanted}"
    return judge_witnesses(evidence, expected, considered, lambda e: format_complaint(e, wanted), least=2)


def of_the_application(exchange: Exchange) -> bool:
    """Whether an answer is an error, with all of its body, that nobody but the application tells.

    A 400 that closes the connection is how HTTP servers refuse what they cannot read. Who asked for another media type
    than JSON may get it.
    """
    response, request = exchange.response, exchange.request
    if response is None or exchange.status is None or not response.body.complete or request.method == "HEAD":
        return False
    if exchange.status < 400 or exchange.status in NOT_THE_APPLICATION:
        return False
    if exchange.status == 400 and (response.header("connection") or "").strip().lower() == "close":
        return False
    accepted = next((value.lower() for name, value in request.headers if name.lower() == "accept"), "*/*")
    return "json" in accepted or "*/*" in accepted or "application/*" in accepted


def _provoking(case: Case, target: ReadTarget) -> Ask:
    operation = operation_in(case.params)
    asked = ask_for(operation)
    if case.subject == "missing credentials":
        return Ask(asked.method, asked.path, asked.query, asked.headers, asked.body, operation=asked.operation)
    path = sibling(operation.url_path(), target)
    if asked.method in {"GET", "HEAD"} and case.subject == "unknown id":
        return Ask(asked.method, path, asked.query, asked.headers, identity=asked.identity)
    return Ask("GET", path, identity=asked.identity)


def format_complaint(exchange: Exchange, wanted: str) -> str | None:
    """What is wrong with how an error is told; None where it is as declared. 429 is as good as any."""
    response = exchange.response
    if response is None or exchange.status is None:
        return describe(exchange)
    if wanted == "problem+json" and response.media_type != PROBLEM:
        return f"status {response.status} as {response.media_type or 'nothing'} instead of {PROBLEM}"
    try:
        body = json_body(exchange)
    except ValueError as error:
        return f"status {response.status}: the body is not JSON: {error}"
    if not isinstance(body, dict):
        return f"status {response.status}: the body is no JSON object"
    return _problem_complaint(body, response.status) if wanted == "problem+json" else None


def _problem_complaint(body: dict[str, Json], status: int) -> str | None:
    if "status" in body and (body["status"] != status or isinstance(body["status"], bool)):
        return f"`status` is {body['status']!r}, the answer's is {status}"
    kind = body.get("type", "about:blank")
    if not isinstance(kind, str) or not _is_uri_reference(kind):
        return f"`type` is {kind!r}, no URI reference"
    wrong = next((name for name in TEXTS if name in body and not isinstance(body[name], str)), None)
    return f"`{wrong}` is no text" if wrong else None


def _is_uri_reference(text: str) -> bool:
    try:
        urlsplit(text)
    except ValueError:
        return False
    return not any(character.isspace() for character in text)
