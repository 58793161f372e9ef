"""Handmade verdicts for the tests of what renders them."""

from typing import Any

from hybridcheck.cases import CoreQuestion, Dimension, Group, Phase, Reason, SafetyClass, Severity
from hybridcheck.load_document import FailureExample, LeftOut, LoadPart, LoadPhase, LoadSeries
from hybridcheck.verdict import (
    AppliedWaiver,
    CaseVerdict,
    CheckVerdict,
    CoreAnswer,
    DimensionScore,
    EvidenceRef,
    Finding,
    Outcome,
    PlanCounts,
    Policy,
    Price,
    ReasonLine,
    Ruling,
    RunInfo,
    Scope,
    Subject,
    ToDecide,
    Verdict,
    WaiverCounts,
    failed,
    passed,
    undecided,
)

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07 \u202eesrever\u2066 [bold red]markup[/bold red] :bomb: <script>alert(1)</script> "
    "]]> & \" ' `code` [link](javascript:alert(1)) @everyone #1 https://evil.test/ \x00\x08\r\n| --- |\ud800\ufffe"
)
"""What a hostile target may put into any text."""


def case(identity: str = "contract.status[GET /orders]", **changes: Any) -> CaseVerdict:
    """A required case of the contract question that passed."""
    check, _, subject = identity.partition("[")
    fields: dict[str, Any] = {
        "id": identity,
        "check": check,
        "subject": subject.removesuffix("]"),
        "fingerprint": f"fp-{check}",
        "group": Group.REQUIRED,
        "phase": Phase.READ,
        "safety": SafetyClass.READ,
        "dimension": Dimension.FUNCTIONAL,
        "severity": Severity.HIGH,
        "finding": passed("200", "200", n=2, exchanges=(3, 4)),
        "duration_s": 0.25,
    }
    return CaseVerdict(**{**fields, **changes})


def check_of(*cases: CaseVerdict, outcome: Outcome, remedy: str = "Answer with the declared status.") -> CheckVerdict:
    """The check of some cases."""
    first = cases[0]
    return CheckVerdict(
        id=first.check,
        title="Declared operations answer as declared.",
        dimension=first.dimension,
        severity=first.severity,
        since=1,
        refs=("RFC 9110",),
        remedy=remedy,
        outcome=outcome,
        cases=cases,
    )


def verdict(ruling: Ruling = Ruling.READY, checks: tuple[CheckVerdict, ...] = (), **changes: Any) -> Verdict:
    """A verdict whose counts are those of its cases."""
    checks = checks or (check_of(case(), outcome=Outcome.PASS),)
    found = [item for check in checks for item in check.cases]
    counts = {outcome: sum(item.finding.outcome is outcome for item in found) for outcome in Outcome}
    codes = {Ruling.READY: 0, Ruling.PASSED: 0, Ruling.NOT_READY: 1, Ruling.FAILED: 1, Ruling.INCONCLUSIVE: 3}
    score = DimensionScore(score=1.0, lower=0.5, upper=1.0, passed=1, failed=0, undecided=0)
    fields: dict[str, Any] = {
        "verdict": ruling,
        "exit_code": codes[ruling],
        "scope": _scope(ruling),
        "reasons": (),
        "to_decide": (),
        "core": {
            question: CoreAnswer(answered=True, by=("contract.status[GET /orders]",)) for question in CoreQuestion
        },
        "subject": Subject(target="staging", base_url="http://127.0.0.1:8000", environment="staging"),
        "policy": Policy(profile_name="storefront", digest="sha256:00", catalogue=1),
        "evidence": EvidenceRef(path="ledger.ndjson", digest="sha256:11", records=120, sealed=True),
        "run": _run(),
        "plan": PlanCounts(
            planned=sum(counts[name] for name in (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.ERROR)),
            passed=counts[Outcome.PASS],
            failed=counts[Outcome.FAIL],
            inconclusive=counts[Outcome.INCONCLUSIVE],
            errors=counts[Outcome.ERROR],
            unexamined=counts[Outcome.NOT_EVALUATED],
            not_applicable=counts[Outcome.NOT_APPLICABLE],
        ),
        "dimensions": {Dimension.FUNCTIONAL: score},
        "checks": checks,
        "load": (phase(),),
        "waivers": WaiverCounts(ruling_without=ruling),
        "integration": {"cpython_tests": {}},
        "production": {"performance_validation": {}},
    }
    return Verdict(**{**fields, **changes})


def _scope(ruling: Ruling) -> Scope:
    sentence = f"{ruling} on 1 required promise · 0 advisory findings · 0 unexamined"
    return Scope(required=1, advisory=0, unexamined=0, not_applicable=0, advisory_findings=0, sentence=sentence)


def _run() -> RunInfo:
    return RunInfo(
        run_id="20260101-000000-abcdef",
        started_utc="2026-01-01T00:00:00Z",
        ended_utc="2026-01-01T00:00:30Z",
        cause="completed",
        seed=7,
        budget="quick",
        tool_version="0.1.0",
        judged_by="0.1.0",
        catalogue=1,
    )


def part(name: str = "list", text: str = "status 500", **changes: Any) -> LoadPart:
    """An operation of a load phase, of which ten answers were wrong."""
    fields: dict[str, Any] = {
        "name": name,
        "operations": (name,),
        "planned": 2000,
        "ok": 1990,
        "failed": {"status": 10},
        "unsent": 0,
        "cut": 0,
        "response_ms": {"p50": 3.25, "p95": 8.5, "p99": 12.0},
        "service_ms": {"p50": 3.0, "p95": 8.0, "p99": 11.0},
        "examples": {"status": FailureExample(second=7, detail=text)},
    }
    return LoadPart(**{**fields, **changes})


def phase(text: str = "status 500") -> LoadPhase:
    """A load phase of two operations; what a target can reach of it is `text`."""
    well = part("whoami", ok=2000, failed={}, examples={}, response_ms={"p50": 1.0, "p95": 2.0, "p99": 3.0})
    return LoadPhase(
        stream="load/steady",
        planned=4000,
        ok=3990,
        failed={"status": 10},
        unsent=0,
        cut=0,
        seconds=20,
        achieved_rps=199.5,
        cause_detail="",
        left_out=LeftOut(
            seconds=2, planned=400, ok=399, failed={"reset": 1}, unsent=0, cut=0, response_ms={"p50": 90.0}
        ),
        operations=(well, part(text=text)),
        tags=(part("slow", examples={}),),
        series=LoadSeries(
            step_s=1,
            until_second=4,
            planned=(200, 200, None, 200),
            ok=(200, 190, None, 200),
            failed=(0, 10, None, 0),
            unsent=(0, 0, None, 0),
            cut=(0, 0, None, 0),
            judged=(0, 1, 0, 1),
        ),
        response_ms={"p50": 3.25, "p95": 8.5, "p99": 12.0},
        service_ms={"p50": 3.0, "p95": 8.0, "p99": 11.0},
        lag_ms={"p50": 0.1, "p95": 0.2, "p99": 0.4},
        generator_cpu_max_ratio=0.31,
        cause="completed",
    )


def blocked() -> Verdict:
    """NOT_READY: a required fail, an advisory fail, a waived fail, an error, and everything undecided that there is."""
    broken = case(finding=failed("status 200", "status 500", n=3, exchanges=(5, 6, 7)), core=CoreQuestion.CONTRACT,
                  replay="hybridcheck replay verdict.json#contract.status[GET /orders]",
                  replay_curl="curl -sS 'http://127.0.0.1:8000/orders'")  # fmt: skip
    waived = case("authn.garbage-token-refused[alice]", severity=Severity.CRITICAL, dimension=Dimension.SECURITY,
                  finding=failed("401", "200"),
                  waived=AppliedWaiver(reason="known", owner="ann", ticket="T-1", expires="2026-01-10"))  # fmt: skip
    advisory = case("headers.nosniff[html]", group=Group.ADVISORY, severity=Severity.LOW,
                    finding=failed("nosniff", "no such header"))  # fmt: skip
    slow = case("load.latency[load/steady]", dimension=Dimension.PERFORMANCE, phase=Phase.LOAD, safety=SafetyClass.LOAD,
                finding=undecided(Reason.TOO_FEW_SAMPLES, "at most 5 % late", "4.1 % late", n=400, value=0.041,
                                  lower=0.02, upper=0.07, limit=0.05, unit="ratio", method="Clopper-Pearson",
                                  effective_n=310.0, price=Price(requests=1900, seconds=40.0)))  # fmt: skip
    hint = case("headers.csp[html]", group=Group.ADVISORY, severity=Severity.LOW,
                finding=undecided(Reason.SUSPECTED, "a policy", "half a policy"))  # fmt: skip
    crashed = case("streams.order[events]", finding=Finding(outcome=Outcome.ERROR, expected="ordered events",
                                                            observed="KeyError in the judge"))  # fmt: skip
    unseen = case("authz.object-level[bob]", group=Group.UNEXAMINED, needs="identities.bob",
                  finding=Finding(outcome=Outcome.NOT_EVALUATED, expected="404 for another's", observed=""))  # fmt: skip
    outcomes = ((broken, Outcome.FAIL), (waived, Outcome.FAIL), (advisory, Outcome.FAIL), (slow, Outcome.INCONCLUSIVE),
                (hint, Outcome.INCONCLUSIVE), (crashed, Outcome.ERROR), (unseen, Outcome.NOT_EVALUATED))  # fmt: skip
    return verdict(
        Ruling.NOT_READY,
        tuple(check_of(item, outcome=outcome) for item, outcome in outcomes),
        reasons=(
            ReasonLine(code="FAIL", message="status 500", case=broken.id),
            ReasonLine(code="TOO_FEW_SAMPLES", message="the bound does not decide", case=slow.id),
            ReasonLine(code="RUN_NOT_SEALED", message="the run has no end"),
            ReasonLine(code="ADVISORY", message="no nosniff", case=advisory.id, blocking=False),
        ),
        to_decide=(
            ToDecide(what="1,900 more requests, about 40 s", kind="requests", cases=(slow.id,)),
            ToDecide(what="identities:\n  bob: {role: user, token: env:BOB}", kind="profile", cases=(unseen.id,)),
        ),
        waivers=WaiverCounts(ruling_without=Ruling.NOT_READY, applied=("authn.garbage-token-refused",)),
    )


def hostile() -> Verdict:
    """A verdict in which every text that a target can reach is hostile."""
    text = HOSTILE.replace("\ud800", "")
    bad = case(
        f"contract.status[{text}]",
        finding=failed(text, text, figures={"seen": text}, method=text, unit=text, value=1.0),
        replay=text,
        replay_curl=text,
    )
    hint = case(f"headers.nosniff[{text}]", group=Group.ADVISORY, finding=failed(text, text))
    return verdict(
        Ruling.NOT_READY,
        (check_of(bad, outcome=Outcome.FAIL, remedy=text), check_of(hint, outcome=Outcome.FAIL)),
        reasons=(ReasonLine(code="FAIL", message=text, case=bad.id), ReasonLine(code="OTHER", message=text)),
        to_decide=(ToDecide(what=text, kind="target"),),
        subject=Subject(target=text, base_url=f"http://x/{text}", environment="staging"),
        core={CoreQuestion.ACCESS: CoreAnswer(answered=False, not_applicable=text)},
        load=(phase(text).model_copy(update={"cause_detail": text}),),
    )
