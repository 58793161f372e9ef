"""`python -m hybridcheck.reference`: run the reference system in the foreground until Ctrl-C."""

import argparse
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TextIO

from hybridcheck.bundled import data_folder
from hybridcheck.reference.defects import CATALOGUE, UnknownDefectError
from hybridcheck.reference.launcher import ReferenceSystem, StartError


def main(arguments: list[str] | None = None) -> int:
    """Run the system; 0 after Ctrl-C or SIGTERM, 1 if it does not start or dies, 2 for an unknown defect."""
    options = _options(arguments)
    if options.list_defects:
        for defect in CATALOGUE:
            _say(f"{defect.name:27} {defect.check:32} {defect.wrong}")
        return 0
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        with ReferenceSystem(options.defect, port=options.port, instances=options.instances) as system:
            return _hold(system, ended)
    except UnknownDefectError as error:
        _say(str(error), sys.stderr)
        return 2
    except (StartError, OSError) as error:
        _say(str(error), sys.stderr)
        return 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hybridcheck.reference", description=__doc__)
    parser.add_argument("--defect", action="append", default=[], metavar="NAME", help="switch a defect on; repeatable")
    parser.add_argument("--list-defects", action="store_true", help="print the catalogue and end")
    parser.add_argument("--port", type=int, default=0, help="port of the gateway (default: a free one)")
    parser.add_argument("--instances", type=int, default=1, help="gateway workers that share the port")
    return parser.parse_args(arguments)


def _say(line: str, stream: TextIO = sys.stdout) -> None:
    stream.write(line + "\n")
    stream.flush()


def _hold(system: ReferenceSystem, ended: threading.Event) -> int:
    """Print what a user needs and wait for the end, by signal or by the death of a process."""
    handle, name = tempfile.mkstemp(prefix="hybridcheck-reference-", suffix=".env")  # readable by its owner only
    try:
        with os.fdopen(handle, "w") as file:
            file.writelines(f"{key}={value}\n" for key, value in system.environment().items())
        _say(f"reference system: {system.base_url}  (native service: {system.native_url})")
        _say(f"profile:          {data_folder('profiles') / 'reference.yaml'}")
        _say(f"passwords:        set -a; . {name}; set +a")
        _say(f"defects:          {', '.join(system.defects) or 'none'}")
        while not ended.wait(0.2):
            if not system.running():
                _say("a process of the reference system has died", sys.stderr)
                return 1
        return 0
    finally:
        Path(name).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
