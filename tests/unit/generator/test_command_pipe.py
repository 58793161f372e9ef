"""What the parent says comes through a pipe in pieces: whole lines come out, in order, however long they are."""

import json
import subprocess
import sys

CHILD = """
import json, sys
from hybridcheck.generator.command_pipe import CommandPipe
pipe = CommandPipe(0)
for _ in range(3):
    print(json.dumps(pipe.first()), flush=True)
"""


def test_long_and_short_lines_come_whole() -> None:
    """A plan with its feeders' rows is longer than what a pipe holds; what follows it may come with its last piece."""
    said = [{"rows": ["x" * 1000] * 3000}, {"stop": True}, {"last": "\n"}]
    spoken = "".join(json.dumps(one) + "\n" for one in said)
    command = [sys.executable, "-c", CHILD]  # gevent stays outside of this process
    done = subprocess.run(command, input=spoken, capture_output=True, text=True, timeout=60, check=True)
    assert [json.loads(line) for line in done.stdout.splitlines()] == said
