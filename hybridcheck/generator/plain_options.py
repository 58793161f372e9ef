"""What was asked of plain Locust, seen before Locust acts on it: what cannot be done is refused while nothing has begun.

Locust runs listeners when its workers are forked already, and goes on after most of their errors.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from typing import NoReturn

from locust.argument_parser import LocustArgumentParser

_TELLING = frozenset({"-h", "--help", "-V", "--version"})


def asked_of(parser: LocustArgumentParser) -> Namespace | None:
    """The options as the command line, the environment and Locust's configuration say them; None where help is wanted."""
    if _TELLING & set(sys.argv[1:]):
        return None
    given, _ = parser.parse_known_args()
    found: Namespace = given
    return found


def refuse(message: str, hint: str = "") -> NoReturn:
    """End before anything is sent: exit code 2, and on stderr why and what to do."""
    advice = f"\n  what to do: {hint}" if hint else ""
    sys.stderr.write(f"hybridcheck: {message}{advice}\n")
    sys.exit(2)


def named_before_parsing(option: str, variable: str) -> str | None:
    """The value of an option that decides what a locustfile defines: it is read before Locust parses anything."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(option, dest="value", default=os.environ.get(variable))
    found: str | None = parser.parse_known_args()[0].value
    return found
