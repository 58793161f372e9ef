"""The page docs/requirement-004.md: requirement 004's JSON beside what the Python API and the command gave, leaf by leaf."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hybridcheck.engine.figures import FIGURES
from hybridcheck.engine.trees import INTEGRATION, PRODUCTION, Leaf

RECORDED = Path(__file__).resolve().parent / "requirement-004.json"

ASKED: dict[str, str] = {
    "auth_integration": "duration 2.5", "dashboard_integration": "duration 3.1", "streaming_integration": "duration 1.8",
    "analytics_integration": "duration 4.2", "ai_detection_integration": "duration 3.7",
    "monitoring_integration": "duration 2.9", "service_boundaries": "duration 1.5",
    "communication_patterns": "duration 2.1", "api_integration": "duration 3.3",
    "functional_validation": "coverage 0.95", "performance_validation": "latency 150",
    "security_validation": "vulnerabilities 0", "code_quality": "score 0.92", "performance_quality": "score 0.89",
    "security_quality": "score 0.95", "latency_validation": "avg_latency 120", "throughput_validation": "rps 1000",
    "resource_validation": "cpu_usage 0.65", "error_handling": "error_rate 0.001", "fault_tolerance": "recovery_time 2.5",
    "data_consistency": "consistency 0.999", "authentication": "auth_success 0.999", "authorization": "authz_success 0.998",
    "data_protection": "encryption true", "horizontal_scaling": "scale_factor 3.2",
    "vertical_scaling": "resource_efficiency 0.85", "load_distribution": "distribution 0.92",
    "metrics_collection": "coverage 0.95", "alerting_systems": "response_time 30",
    "dashboard_functionality": "availability 0.999",
}  # fmt: skip
"""The figure that the requirement's own sample has in each leaf; all of its `passed` are true."""

DURATION = "sum of the seconds that the leaf's cases took, each shared load phase counted once"
HEAD = """# Requirement 004: its JSON, and where each figure comes from

The trees below have exactly the branches, leaves and keys of requirement 004. Each leaf also names its `cases`, so that whoever
doubts a figure finds the requests and answers behind it in the ledger. Figures that nothing measured are `null`: the sample's
numbers are samples, and nothing here is made up to look like them.

Both columns are real runs of the demo, budget quick, on a shared machine ({host}): {api} through the Python API,
{command} through the command. `python docs/record_run.py` makes new ones.

```python
framework = get_hybrid_integration_framework(demo=True, budget=Budget.QUICK)  # or a URL
results = await framework.run_comprehensive_integration_tests()  # the tree `integration`
production = await framework.validate_production_readiness()  # the tree `production`
```

```bash
hybridcheck validate --demo --budget quick        # both trees stand in hybridcheck-results/RUN_ID/verdict.json
```

`CPythonIntegrator`, `CodonIntegrator` and `HybridIntegrator` give one branch each, of a run over their own suites:
`await CPythonIntegrator(url).run()` is `integration.cpython_tests`. `hybridcheck integrate --suite cpython` is the same."""


def requirement_page() -> str:
    """The page, from the recorded runs and the code."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    api, command = recorded["api"], recorded["command"]
    host = api["about"]["host"]
    told = {
        "host": f"{host['cores']} cores, Python {host['python']}",
        "api": _when(api["about"]),
        "command": _when(command["about"]),
    }
    lines = [HEAD.format(**told)]
    for tree, leaves in (("integration", INTEGRATION), ("production", PRODUCTION)):
        lines += ["", f"## `{tree}`, side by side", ""]
        lines += ["| leaf | 004's sample | Python API | command | cases | where the figure comes from |"]
        lines += ["|---|---|---|---|---:|---|"]
        lines += list(_rows(leaves, api[tree], command[tree]))
        lines += ["", f"## `{tree}`, as the Python API returned it", "", "Lists of cases are cut to their first two."]
        lines += ["", "```json", json.dumps(api[tree], indent=2, ensure_ascii=False), "```"]
    return "\n".join(lines) + "\n"


def _when(about: dict[str, Any]) -> str:
    return f"{about['started_utc'][:16].replace('T', ' ')} UTC ({about['verdict']}, version {about['tool_version']})"


def _rows(leaves: tuple[Leaf, ...], api: dict[str, Any], command: dict[str, Any]) -> Iterator[str]:
    for leaf in leaves:
        one, other = api[leaf.branch][leaf.name], command[leaf.branch][leaf.name]
        key = leaf.key or "duration"
        origin = FIGURES[leaf.figure].formula + f" ({FIGURES[leaf.figure].unit})" if leaf.figure else f"{DURATION} (s)"
        cells = (
            f"`{leaf.branch}.{leaf.name}`",
            f"passed true, {ASKED[leaf.name]}",
            _shown(one, key),
            _shown(other, key),
        )
        yield "| " + " | ".join((*cells, str(_count(one["cases"])), origin)) + " |"


def _count(cases: list[str]) -> int:
    """How many cases a list has that may end in `… 7 more`."""
    last = cases[-1] if cases else ""
    return len(cases) - 1 + int(last.split()[1]) if last.startswith("… ") else len(cases)


def _shown(leaf: dict[str, Any], key: str) -> str:
    value = leaf[key]
    figure = f"{value:.4g}" if isinstance(value, float) else json.dumps(value)
    return f"passed {json.dumps(leaf['passed'])}, {key} {figure}"
