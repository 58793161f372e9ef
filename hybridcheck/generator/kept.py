"""How a process of ours is tied to its parent: it dies with it, and says what it is made of."""

import ctypes
import os
import signal
import sys
import time
from importlib.metadata import version
from typing import Any

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill us when the parent dies, however it dies; leave at once if it is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ["HYBRIDCHECK_PARENT_PID"]):
        os._exit(1)


def started(addresses: tuple[Any, ...]) -> dict[str, Any]:
    """The report that the generator is about to send."""
    return {
        "kind": "started",
        "pid": os.getpid(),
        "started_unix_ns": time.time_ns(),
        "start_up_s": time.time() - float(os.environ["HYBRIDCHECK_SPAWNED_UNIX_S"]),
        "addresses": [str(address) for address in addresses],
        "versions": {name: version(name) for name in ("locust", "gevent", "httptools")}
        | {"python": sys.version.split()[0]},
    }
