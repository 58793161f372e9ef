"""A held-out set of defects: what the gate says of systems that break their promises in ways its authors did not plan.

`list` writes the list before anything is run, `run` runs what has no result yet (two at a time), `page` writes the page.
Each run: the embedded reference system without any planted defect, a proxy before it with one rule of held_out_defects.py,
and the installed command against the proxy's address. Results stay in RESULTS; none is run twice by itself.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.held_out_defects import AFTERWARDS, CONTROLS, DEFECTS, HeldOut
from benchmarks.held_out_relay import Proxy
from hybridcheck.reference.launcher import ReferenceSystem

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "held_out_results.json"
PAGE = ROOT / "docs" / "held-out.md"
ALLOW = ("read", "write", "load", "abuse", "fault", "disrupt")
AT_ONCE = 2
LAST_START = os.environ.get("HELD_OUT_LAST_START", "23:59")


def main() -> None:
    """Do what the first word says."""
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    if word == "one":
        print(json.dumps(asyncio.run(_one(sys.argv[2]))))
    elif word == "run":
        asyncio.run(_run(sys.argv[2:]))
    elif word in {"list", "page"}:
        PAGE.write_text("\n".join(_page(_results())) + "\n")
    else:
        raise SystemExit("held_out.py list | run [NAME...] | page")


async def _one(name: str) -> dict[str, Any]:
    """Run the gate once against the system with this defect."""
    chosen = next(item for item in (*CONTROLS, *DEFECTS, *AFTERWARDS) if item.name == name)
    async with ReferenceSystem() as system:
        proxy = Proxy(int(system.base_url.rpartition(":")[2]), chosen.make())
        server = await proxy.start()
        environment = os.environ | system.environment() | {"REFERENCE_BASE_URL": f"http://127.0.0.1:{proxy.port}"}
        folder = tempfile.mkdtemp(prefix=f"held-out-{name}-")
        begun = time.monotonic()
        command = [sys.executable, "-m", "hybridcheck", "validate", "--base-url", f"http://127.0.0.1:{proxy.port}"]
        command += ["--profile", str(ROOT / "profiles" / "reference.yaml"), "--environment", "local"]
        command += ["--budget", "quick", "--quiet", "--output-dir", folder]
        command += [word for group in ALLOW for word in ("--allow", group)]
        with (Path(folder) / "output.txt").open("wb") as output:
            gate = await asyncio.create_subprocess_exec(*command, env=environment, stdout=output, stderr=output)
            code = await gate.wait()
        wall_s = time.monotonic() - begun
        server.close()
    found = {"name": name, "exit_code": code, "wall_s": round(wall_s, 1), "folder": folder}
    return (
        found
        | {"requests": proxy.requests, "unread": proxy.unread, "fired": proxy.fired, "faults": proxy.faults[:3]}
        | _verdict(Path(folder))
    )


def _verdict(folder: Path) -> dict[str, Any]:
    """What the verdict says: the word, and the required cases that do not pass."""
    path = next(folder.glob("*/verdict.json"), None)
    if path is None:
        return {"verdict": None, "failed": [], "undecided": []}
    verdict = json.loads(path.read_text())
    cases = [case for check in verdict["checks"] for case in check["cases"] if case["group"] == "required"]
    failed = [case for case in cases if case["finding"]["outcome"] == "fail"]
    undecided = [
        case for case in cases if case["finding"]["outcome"] not in {"fail", "pass", "not_applicable", "unexamined"}
    ]
    first = next(iter([*failed, *undecided]), None)
    return {
        "verdict": verdict["verdict"],
        "failed": [case["id"] for case in failed],
        "undecided": [f"{case['id']}: {case['finding']['reason']}" for case in undecided],
        "observed": first["finding"]["observed"] if first else None,
        "load": _load(verdict),
    }


def _load(verdict: dict[str, Any]) -> str | None:
    for phase in verdict["load"]:
        return f"{phase['planned']} planned, {phase['ok']} ok, p95 {phase['response_ms']['p95']:.0f} ms"
    return None


def _results() -> dict[str, dict[str, Any]]:
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


async def _run(names: list[str]) -> None:
    """Run what has no result, two at a time, until it is too late to start another."""
    waiting = [item.name for item in (*CONTROLS, *DEFECTS) if item.name not in _results()]
    waiting = names or waiting

    async def work() -> None:
        while waiting and time.strftime("%H:%M") < LAST_START:
            name = waiting.pop(0)
            child = await asyncio.create_subprocess_exec(
                sys.executable, __file__, "one", name, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            out, problem = await child.communicate()
            if child.returncode != 0:
                print(name, "BROKEN", problem.decode()[-1500:], flush=True)
                continue
            found = json.loads(out.splitlines()[-1])
            RESULTS.write_text(json.dumps(_results() | {name: found}, indent=1, sort_keys=True) + "\n")
            print(
                time.strftime("%H:%M:%S"),
                name,
                found["verdict"],
                (found["failed"] + found["undecided"])[:2],
                found["wall_s"],
                flush=True,
            )

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def _page(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    """The page: what was planted, what was said."""
    done = [item for item in DEFECTS if item.name in results]
    said = [results[item.name]["verdict"] for item in done]
    yield "# Held-out defects\n"
    yield "Written by `benchmarks/held_out.py`; do not edit. The defects are in `benchmarks/held_out_defects.py`: written, with the"
    yield "expectation beside each, by somebody who had read the profile and the requirements but neither the checks nor the planted"
    yield "defects, and committed (0a14d2f) before any was run, on that commit. A proxy before the embedded reference system plants them, one at a time.\n"
    if done:
        counts = ", ".join(f"{said.count(word)} {word}" for word in ("NOT_READY", "INCONCLUSIVE", "READY"))
        yield f"**{len(DEFECTS)} defects, {len(done)} run: {counts} (READY is a miss).**\n"
        for wanted, words in (
            ("yes", "covered by the profile's promises"),
            ("unsure", "perhaps covered"),
            ("no", "not covered"),
        ):
            those = [item for item in done if item.covered == wanted]
            missed = sum(results[item.name]["verdict"] == "READY" for item in those)
            yield f"- expected to be {words}: {len(those)} run, {missed} missed"
        yield ""
    else:
        yield f"**{len(DEFECTS)} defects, none run yet.**\n"
    yield "## Controls\n"
    yield "| control | what it shows | verdict | exit | what blocks | changed | wall |"
    yield "|---|---|---|---:|---|---:|---:|"
    yield from (f"| {item.name} | {item.what} {_cells(results.get(item.name))}" for item in CONTROLS)
    yield "\n## Defects\n"
    yield "Covered: whether the author expected the profile's promises to cover it, before the run. Changed: how many requests,"
    yield "answers or events the defect touched in that run; 0 means that the gate never came near it.\n"
    yield "| defect | what it does | what is lost | covered | verdict | exit | first blocking case (of how many) | changed | wall |"
    yield "|---|---|---|---|---|---:|---|---:|---:|"
    yield from (_row(item, results.get(item.name)) for item in DEFECTS)
    yield "\nstall-under-load and hangover did not do what their lines say: their trigger fired before the load. html-404, hangover-after-load"
    yield "and ready-though-down are plain gaps; random-401 broke 0.3 % of the load, which the profile allows."
    yield "\nWritten after the runs, because the first attempt did not do what its line says; not counted above:\n"
    yield "| defect | what it does | what is lost | covered | verdict | exit | first blocking case (of how many) | changed | wall |"
    yield "|---|---|---|---|---|---:|---|---:|---:|"
    yield from (_row(item, results.get(item.name)) for item in AFTERWARDS)


def _row(item: HeldOut, found: dict[str, Any] | None) -> str:
    return f"| {item.name} | {item.what} | {item.loses} | {item.covered} {_cells(found)}"


def _cells(found: dict[str, Any] | None) -> str:
    if found is None:
        return "| not run | | | | |"
    blocking = found["failed"] or found["undecided"]
    first = f"`{blocking[0]}` ({len(blocking)})" if blocking else "nothing"
    verdict = f"**{found['verdict']}**" if found["verdict"] == "READY" else found["verdict"]
    return f"| {verdict} | {found['exit_code']} | {first} | {found['fired']} | {found['wall_s']:.0f} s |"


if __name__ == "__main__":
    main()
