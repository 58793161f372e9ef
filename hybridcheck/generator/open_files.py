"""Room for connections: each is an open file, and how many of those a process may have is limited."""

import contextlib
import resource

from hybridcheck.errors import ToolError

BESIDE = 50
"""Open files that a generator needs beside its connections, generously: pipes, the event loop's, modules that are read."""


def make_room(connections: int) -> None:
    """Let this process have as many open files as it may.

    Raises:
        ToolError: that is not enough for its connections.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS promises more than it gives
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and connections + BESIDE > allowed:
        message = (
            f"{connections:,} connections need {connections + BESIDE:,} open files, this process may have {allowed:,}"
        )
        hint = f"ulimit -Hn {connections + BESIDE}, fewer max_connections, or more processes that share them"
        raise ToolError(message, hint=hint)
