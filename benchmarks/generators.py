"""One run of each load generator: ours, Locust's two users, hey, ab and wrk; requests and CPU time of each.

CPU time is that of the whole generator process, start-up included, as the kernel counted it (wait4). Ours records and
checks everything (status, content type, substring, four weighted operations, a latency limit); the peers do what they do.
"""

import asyncio
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.nginx_target import GENERATOR_CORE, Nginx, NotRun, pinned
from hybridcheck.load.child import drive
from hybridcheck.load.plan import LoadPlan, Operation, Shape
from hybridcheck.load.reports import ChildEnd, EndCause, EndMarker

LOCUSTFILE = """
from locust import FastHttpUser, HttpUser, constant_throughput, task
class Peer({base}):
    {pace}
    @task
    def get(self):
        self.client.get("/"{options})
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one generator."""

    requests: int
    user_s: float
    kernel_s: float

    @property
    def per_cpu_second(self) -> float:
        """Requests per second of the generator's own CPU time."""
        return self.requests / (self.user_s + self.kernel_s)

    @property
    def user_us(self) -> float:
        """Microseconds of its own code for each request."""
        return self.user_s / max(self.requests, 1) * 1e6

    @property
    def kernel_us(self) -> float:
        """Microseconds that the kernel worked for it, for each request."""
        return self.kernel_s / max(self.requests, 1) * 1e6


@dataclass(frozen=True, slots=True)
class Bench:
    """What every run needs to know."""

    target: Nginx
    connections: int
    seconds: int
    home: Path


Run = Callable[[Bench], Result]


def measured(command: list[str], found: Callable[[str], int], cwd: Path) -> Result:
    """Run a generator; its requests as it prints them, its CPU time as the kernel counted it."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=cwd)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        output.seek(0)
        return Result(found(output.read()), usage.ru_utime, usage.ru_stime)


def number(pattern: str) -> Callable[[str], int]:
    """The number in a generator's output that a pattern finds."""

    def find(text: str) -> int:
        match = re.search(pattern, text)
        if match is None:
            raise NotRun(f"no {pattern!r} in the output of a generator: {text[-300:]}")
        return int(match.group(1))

    return find


def run_lean(bench: Bench) -> Result:
    """Ours, in a process of its own, which reports its child's requests and CPU time as the kernel counted it."""
    order = {
        "url": bench.target.url,
        "ca_file": bench.target.ca_file,
        "connections": bench.connections,
        "seconds": bench.seconds,
    }
    command = pinned(GENERATOR_CORE, sys.executable, __file__, json.dumps(order))
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = json.loads(text)
    return Result(found["requests"], found["user_s"], found["kernel_s"])


def lean_plan(target: Nginx, shape: Shape, connections: int, model: str) -> LoadPlan:
    """What ours does in every benchmark: four weighted operations, a token, all checks, a latency limit."""
    operations = tuple(
        Operation(
            name=name,
            path=f"/{name}",
            weight=weight,
            headers=(("Authorization", "Bearer benchmark-token"),),
            content_type="application/json",
            body_contains='"status":"ok"',
            limits_ns=(50_000_000,),
        )
        for name, weight in (("list", 6), ("detail", 3), ("search", 2), ("stats", 1))
    )
    fields = {"model": model, "shape": shape, "connections": connections, "ca_file": target.ca_file}
    return LoadPlan.model_validate({"base_url": target.url.rstrip("/"), "operations": operations, **fields})


def one_lean_run(order: str) -> None:
    """Drive one plan and print requests and the child's CPU time."""
    wanted = json.loads(order)
    shape = Shape(name="steady", parameters={"level": wanted["connections"], "duration_s": wanted["seconds"]})
    plan = lean_plan(Nginx(wanted["url"], 0, wanted["ca_file"]), shape, wanted["connections"], "closed")
    requests = asyncio.run(requests_of(plan))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"requests": requests, "user_s": usage.ru_utime, "kernel_s": usage.ru_stime}))


async def requests_of(plan: LoadPlan) -> int:
    """Ok answers of a run that was carried out without a single failure, over as many connections as planned."""
    marker: EndMarker | None = None
    async for report in drive(plan):
        if isinstance(report, EndMarker):
            marker = report
        elif isinstance(report, ChildEnd) and report.cause is not EndCause.COMPLETED:
            raise SystemExit(f"the run is not complete: {report}")
    assert marker is not None
    if marker.ok != marker.planned or marker.connections_opened != plan.connections:
        raise SystemExit(f"not every request was right: {marker}")
    return marker.ok


def locust_command(bench: Bench, base: str, pace: str = "") -> list[str]:
    """A peer of Locust's own kind; over TLS, HttpUser verifies with the CA, FastHttpUser does not verify by default."""
    path = bench.home / f"peer_{base.lower()}.py"
    verified = f', verify="{bench.target.ca_file}"' if bench.target.ca_file and base == "HttpUser" else ""
    path.write_text(LOCUSTFILE.format(base=base, pace=pace, options=verified))
    options = ["--headless", "-u", str(bench.connections), "-r", str(bench.connections), "--json"]
    command = [sys.executable, "-m", "locust", "-f", str(path), *options, "-t", f"{bench.seconds}s"]
    return [*command, "-H", bench.target.url[:-1]]


def run_locust(base: str) -> Run:
    """A Locust user class as most people write it."""
    return lambda bench: measured(pinned(GENERATOR_CORE, *locust_command(bench, base)), locust_requests, bench.home)


def locust_requests(text: str) -> int:
    """What Locust's JSON says; an empty list of entries is a run without one finished request."""
    entry = re.search(r'"num_requests": (\d+)', text)
    return int(entry.group(1)) if entry else 0


def run_tool(pattern: str, command: Callable[[Bench], list[str]]) -> Run:
    """A generator of its own."""
    return lambda bench: measured(pinned(GENERATOR_CORE, *command(bench)), number(pattern), bench.home)


BARE_LOOP = "a bare Python loop"


def bare_loop_command(bench: Bench) -> list[str]:
    """What an interpreted generator costs at least: no check, no framing, no record, plain HTTP."""
    script = str(Path(__file__).with_name("bare_loop.py"))
    where = urlsplit(bench.target.url)
    return [sys.executable, script, str(where.hostname), str(where.port), f"{bench.connections}", f"{bench.seconds}"]


TOOLS: dict[str, Run] = {
    "hey": run_tool(
        r"\[200\]\s+(\d+) responses", lambda b: ["hey", "-z", f"{b.seconds}s", "-c", f"{b.connections}", b.target.url]
    ),
    "ab": run_tool(
        r"Complete requests:\s+(\d+)",
        lambda b: ["ab", "-q", "-k", "-t", f"{b.seconds}", "-n", "99999999", "-c", f"{b.connections}", b.target.url],
    ),
    "wrk": run_tool(
        r"(\d+) requests in", lambda b: ["wrk", "-t1", f"-c{b.connections}", f"-d{b.seconds}s", b.target.url]
    ),
}


def generators(wanted: list[str]) -> tuple[dict[str, Run], list[str]]:
    """Ours and the wanted peers (all, where none is named) that this machine has; and the names of those it has not."""
    found: dict[str, Run] = {
        "hybridcheck": run_lean,
        "FastHttpUser": run_locust("FastHttpUser"),
        "HttpUser": run_locust("HttpUser"),
    }
    found |= TOOLS | {BARE_LOOP: run_tool(r"(\d+) answers", bare_loop_command)}
    chosen = {name: run for name, run in found.items() if not wanted or name in {*wanted, "hybridcheck"}}
    missing = [name for name in chosen if name in TOOLS and shutil.which(name) is None]
    return {name: run for name, run in chosen.items() if name not in missing}, missing


if __name__ == "__main__":
    one_lean_run(sys.argv[1])
