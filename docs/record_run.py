"""Makes the run that docs/requirement-004.md shows: the demo, once through the Python API and once through the command.

    python docs/record_run.py        writes docs/requirement-004.json; then `make docs`

The page is written from that file and from the code, and a test holds the file's trees against the code's: a leaf or a
figure that comes or goes makes it fail until somebody records a new run.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hybridcheck.api import get_hybrid_integration_framework
from hybridcheck.cases import Budget
from hybridcheck.verdict import Verdict

RECORDED = Path(__file__).resolve().parent / "requirement-004.json"
SHOWN = 2


async def by_api(folder: str) -> dict[str, Any]:
    """What the calls of requirement 004 return, and about which run."""
    framework = get_hybrid_integration_framework(demo=True, budget=Budget.QUICK, output_dir=folder, variables={})
    results = await framework.run_comprehensive_integration_tests()
    production = await framework.validate_production_readiness()
    return {"about": about(await framework.verdict()), "integration": cut(results), "production": cut(production)}


def by_command(folder: str) -> dict[str, Any]:
    """The same two trees out of `verdict.json`, as the command leaves it."""
    command = ["-m", "hybridcheck", "validate", "--demo", "--budget", "quick", "-q", "--output-dir", folder]
    subprocess.run([sys.executable, *command], capture_output=True, check=False)
    [saved] = Path(folder).glob("*/verdict.json")
    verdict = Verdict.model_validate_json(saved.read_bytes())
    return {"about": about(verdict), "integration": cut(verdict.integration), "production": cut(verdict.production)}


def cut(part: Any) -> Any:
    """The tree with the first two cases of each leaf, and how many there are in words."""
    if isinstance(part, list):
        return part if len(part) <= SHOWN else [*part[:SHOWN], f"… {len(part) - SHOWN} more"]
    return {key: cut(value) for key, value in part.items()} if isinstance(part, dict) else part


def about(verdict: Verdict) -> dict[str, Any]:
    """What identifies a run."""
    return {
        "verdict": verdict.verdict.value,
        "scope": verdict.scope.sentence,
        "started_utc": verdict.run.started_utc,
        "tool_version": verdict.run.tool_version,
        "host": verdict.run.host,
    }


def main() -> None:
    """Record both."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        recorded = {"api": asyncio.run(by_api(first)), "command": by_command(second)}
    for name, run in recorded.items():
        if run["about"]["verdict"] != "READY":
            raise SystemExit(f"{name}: {run['about']['scope']}; a run that is shown is one of the healthy system")
    RECORDED.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(RECORDED)


if __name__ == "__main__":
    main()
