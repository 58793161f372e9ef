"""Load generators side by side: requests per CPU-second on one core, and whether they tell the truth about a stall.

    python benchmarks/load_generators.py throughput [--connections 64] [--seconds 8] [--rounds 3] [--peers hey wrk]
    python benchmarks/load_generators.py stall

The target (nginx) is pinned to the first core, each generator to the second; rounds are interleaved, so that a noisy
neighbour meets all of them; CPU time is that of the whole generator process, start-up included, as the kernel counted it
(wait4). Ours records and checks everything (status, content type, substring, four weighted operations, a latency limit);
the peers do what they do. Peers that are not on PATH are left out, and the output says so.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hybridcheck.load.accounting import merged_times
from hybridcheck.load.child import drive
from hybridcheck.load.plan import LoadPlan, Operation, Shape
from hybridcheck.load.reports import ChildEnd, EndCause, EndMarker, GeneratorSecond, OperationTimes

SERVER_CORE, GENERATOR_CORE = 0, (os.cpu_count() or 1) - 1
BODY = '{"status":"ok","items":[1,2,3]}'
STALL_S, STALL_RUN_S, STALL_RATE = 3, 30, 200
NGINX = """
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 300s;
  client_body_temp_path {home}/a; proxy_temp_path {home}/b; fastcgi_temp_path {home}/c;
  uwsgi_temp_path {home}/d; scgi_temp_path {home}/e;
  server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json; return 200 '{body}'; }} }}
}}
"""
LOCUSTFILE = """
from locust import FastHttpUser, HttpUser, constant_throughput, task
class Peer({base}):
    {pace}
    @task
    def get(self):
        self.client.get("/")
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one generator."""

    requests: int
    cpu_s: float

    @property
    def per_cpu_second(self) -> float:
        """Requests per second of the generator's own CPU time."""
        return self.requests / self.cpu_s


@dataclass(frozen=True, slots=True)
class Bench:
    """What every run needs to know."""

    url: str
    connections: int
    seconds: int
    home: Path


Run = Callable[[Bench], Result]


@contextlib.contextmanager
def nginx() -> Iterator[tuple[str, int]]:
    """The target on the first core; yields its URL and the pid of its one worker."""
    if shutil.which("nginx") is None:
        sys.exit("not run: nginx is not on PATH (Debian: nginx-light)")
    with tempfile.TemporaryDirectory(prefix="hybridcheck-bench-") as home, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        config = Path(home) / "nginx.conf"
        config.write_text(NGINX.format(home=home, port=port, body=BODY))
        with subprocess.Popen(pinned(SERVER_CORE, "nginx", "-c", str(config)), stderr=subprocess.DEVNULL) as server:
            try:
                wait_for(port)
                yield f"http://127.0.0.1:{port}/", worker_of(server.pid)
            finally:
                server.terminate()


def wait_for(port: int) -> None:
    """Return when the port accepts."""
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    sys.exit("not run: nginx does not start")


def worker_of(pid: int) -> int:
    """Nginx's one worker process."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def pinned(core: int, *command: str) -> list[str]:
    """The command on one core."""
    return ["taskset", "-c", str(core), *command]


def measured(command: list[str], found: Callable[[str], int], cwd: Path) -> Result:
    """Run a generator; its requests as it prints them, its CPU time as the kernel counted it."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=cwd)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        output.seek(0)
        return Result(found(output.read()), usage.ru_utime + usage.ru_stime)


def number(pattern: str) -> Callable[[str], int]:
    """The number in a generator's output that a pattern finds."""

    def find(text: str) -> int:
        match = re.search(pattern, text)
        if match is None:
            raise SystemExit(f"no {pattern!r} in:\n{text[-2000:]}")
        return int(match.group(1))

    return find


def run_lean(bench: Bench) -> Result:
    """Ours, in a process of its own, which reports its child's requests and CPU time as the kernel counted it."""
    plan = json.dumps({"url": bench.url, "connections": bench.connections, "seconds": bench.seconds})
    command = pinned(GENERATOR_CORE, sys.executable, __file__, "one-lean-run", plan)
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = json.loads(text)
    return Result(found["requests"], found["cpu_s"])


def one_lean_run(order: str) -> None:
    """Drive one plan and print requests and the child's CPU time."""
    wanted = json.loads(order)
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
    shape = Shape(name="steady", parameters={"level": wanted["connections"], "duration_s": wanted["seconds"]})
    plan = LoadPlan(
        base_url=wanted["url"].rstrip("/"),
        operations=operations,
        model="closed",
        shape=shape,
        connections=wanted["connections"],
    )
    requests = asyncio.run(requests_of(plan))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"requests": requests, "cpu_s": usage.ru_utime + usage.ru_stime}))


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
    """A peer of Locust's own kind."""
    path = bench.home / f"peer_{base.lower()}.py"
    path.write_text(LOCUSTFILE.format(base=base, pace=pace))
    options = ["--headless", "-u", str(bench.connections), "-r", str(bench.connections), "--json"]
    return [sys.executable, "-m", "locust", "-f", str(path), *options, "-t", f"{bench.seconds}s", "-H", bench.url[:-1]]


def run_locust(base: str) -> Run:
    """A Locust user class as most people write it."""
    return lambda bench: measured(
        pinned(GENERATOR_CORE, *locust_command(bench, base)), number(r'"num_requests": (\d+)'), bench.home
    )


def run_tool(pattern: str, command: Callable[[Bench], list[str]]) -> Run:
    """A generator of its own."""
    return lambda bench: measured(pinned(GENERATOR_CORE, *command(bench)), number(pattern), bench.home)


def generators() -> dict[str, Run]:
    """Ours and the peers that this machine has."""
    tools: dict[str, Run] = {
        "hey": run_tool(
            r"\[200\]\s+(\d+) responses", lambda b: ["hey", "-z", f"{b.seconds}s", "-c", f"{b.connections}", b.url]
        ),
        "ab": run_tool(
            r"Complete requests:\s+(\d+)",
            lambda b: ["ab", "-q", "-k", "-t", f"{b.seconds}", "-n", "99999999", "-c", f"{b.connections}", b.url],
        ),
        "wrk": run_tool(r"(\d+) requests in", lambda b: ["wrk", "-t1", f"-c{b.connections}", f"-d{b.seconds}s", b.url]),
    }
    missing = [name for name in tools if shutil.which(name) is None]
    for name in missing:
        print(f"not run: {name} is not on PATH")
    found: dict[str, Run] = {
        "hybridcheck": run_lean,
        "FastHttpUser": run_locust("FastHttpUser"),
        "HttpUser": run_locust("HttpUser"),
    }
    return found | {name: run for name, run in tools.items() if name not in missing}


def throughput(connections: list[int], seconds: int, rounds: int, peers: list[str]) -> None:
    """Interleaved rounds of all generators; medians, ranges, and ratios to FastHttpUser."""
    runs = {name: run for name, run in generators().items() if not peers or name in {*peers, "hybridcheck"}}
    with nginx() as (url, _), tempfile.TemporaryDirectory() as home:
        for count in connections:
            bench = Bench(url, count, seconds, Path(home))
            results: dict[str, list[float]] = {name: [] for name in runs}
            for _ in range(rounds):
                for name, run in runs.items():
                    results[name].append(run(bench).per_cpu_second)
            print_table(count, seconds, rounds, results)


def print_table(connections: int, seconds: int, rounds: int, results: dict[str, list[float]]) -> None:
    """Medians with their range, and our ratio to each."""
    print(
        f"\n{connections} connections, {rounds} interleaved rounds of {seconds} s, load average {os.getloadavg()[0]:.1f}"
    )
    print(f"{'generator':<14}{'requests per CPU-second (range)':>38}{'hybridcheck / it':>20}")
    ours = statistics.median(results["hybridcheck"])
    for name, rates in results.items():
        middle = statistics.median(rates)
        span = f"{middle:,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"
        print(f"{name:<14}{span:>38}{ours / middle:>20.2f}", flush=True)


async def stalled_run(url: str, worker: int) -> tuple[dict[float, int | None], dict[float, int | None]]:
    """200 requests a second for 30 s; from second 10 on the target stands still for 3 s; quantiles of (response, service)."""
    plan = LoadPlan(
        base_url=url.rstrip("/"),
        operations=(Operation(name="get", path="/"),),
        shape=Shape(name="steady", parameters={"level": STALL_RATE, "duration_s": STALL_RUN_S}),
        connections=64,
    )
    windows: list[OperationTimes] = []
    async for report in drive(plan):
        if isinstance(report, OperationTimes):
            windows.append(report)
        elif isinstance(report, GeneratorSecond) and report.second == 9:
            os.kill(worker, signal.SIGSTOP)
            asyncio.get_running_loop().call_later(STALL_S, os.kill, worker, signal.SIGCONT)
    response, service = merged_times(windows)["get"]
    quantiles = (0.5, 0.9, 0.95, 0.99)
    return {q: response.quantile(q) for q in quantiles}, {q: service.quantile(q) for q in quantiles}


def stalled_peer(command: list[str], worker: int, home: Path) -> str:
    """What a peer prints about a run with the same stall."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=home)
    time.sleep(10)
    os.kill(worker, signal.SIGSTOP)
    time.sleep(STALL_S)
    os.kill(worker, signal.SIGCONT)
    return process.communicate()[0]


def stall() -> None:
    """The truth is known: 600 of 6,000 arrivals wait 3 s downwards, so p95 is 1.5 s and p99 is 2.7 s."""
    with nginx() as (url, worker), tempfile.TemporaryDirectory() as home:
        response, service = asyncio.run(stalled_run(url, worker))
        print(f"{'':<28}" + "".join(f"{f'p{q * 100:g}':>10}" for q in response))
        print(f"{'truth, ms':<28}{'':>10}{'':>10}{1500:>10}{2700:>10}")
        for name, times in (("hybridcheck response, ms", response), ("hybridcheck service, ms", service)):
            print(f"{name:<28}" + "".join(f"{(value or 0) / 1e6:>10.1f}" for value in times.values()))
        for q, truth_ms in ((0.95, 1500), (0.99, 2700)):
            print(f"p{q * 100:g}: {((response[q] or 0) / 1e6 / truth_ms - 1) * 100:+.2f} % of the truth")
        bench = Bench(url, 20, STALL_RUN_S, Path(home))
        peers = {
            "hey": ["hey", "-z", f"{STALL_RUN_S}s", "-c", "20", "-q", "10", url],
            "wrk": ["wrk", "-t1", "-c1", f"-d{STALL_RUN_S}s", "--latency", url],
            "locust": [*locust_command(bench, "FastHttpUser", "wait_time = constant_throughput(10)")],
        }
        for name, command in peers.items():
            if shutil.which(command[0]) is not None:
                lines = [
                    line
                    for line in stalled_peer(command, worker, Path(home)).splitlines()
                    if "9%" in line or "95%" in line
                ]
                print(f"\n{name} says:", *lines, sep="\n  ")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["throughput", "stall", "one-lean-run"], nargs="?", default="throughput")
    parser.add_argument("order", nargs="?")
    parser.add_argument("--connections", type=int, nargs="+", default=[64])
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--peers", nargs="+", default=[], help="only these, by the names in the table")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.what == "one-lean-run":
        one_lean_run(given.order)
    elif given.what == "stall":
        stall()
    else:
        throughput(given.connections, given.seconds, given.rounds, given.peers)


if __name__ == "__main__":
    main()
